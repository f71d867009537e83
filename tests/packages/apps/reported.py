"""A Flask application whose errors are reported to Sentry."""

import os

import sentry_sdk
from flask import Flask

sentry_sdk.init(dsn=os.environ["SENTRY"], traces_sample_rate=1.0)
app = Flask(__name__)


@app.get("/items/<int:number>")
def item(number: int) -> str:
    return f"item {number}"


@app.get("/fail")
def fail() -> str:
    raise RuntimeError("a view that fails")
