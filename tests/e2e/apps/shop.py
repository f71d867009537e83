"""The application that the end-to-end tests serve; it knows nothing of OpenTelemetry."""

import os

from flask import Flask, Response

app = Flask(__name__)


@app.route("/items/<int:number>")
def item(number: int) -> Response:
    return Response(f"item {number}", headers={"X-Pid": str(os.getpid())})


@app.route("/fail")
def fail() -> Response:
    raise RuntimeError("a view that fails")


@app.route("/exit")
def leave() -> Response:
    raise SystemExit("a view that exits")


@app.route("/echo")
def echo() -> Response:
    from flask import request

    return Response(f"{request.method} {request.args.get('q', '')}")
