"""An application that does as little as an application can."""

import os

from flask import Flask, Response

app = Flask(__name__)


@app.get("/")
def index() -> Response:
    return Response("fine", headers={"X-Pid": str(os.getpid())})
