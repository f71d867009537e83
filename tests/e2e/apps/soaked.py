"""An application that does as little as an application can."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def index() -> str:
    """A short answer."""
    return "fine"
