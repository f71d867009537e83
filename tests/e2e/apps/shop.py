"""The application that the end-to-end tests serve; it knows nothing of OpenTelemetry."""

import os

from flask import Flask, Response

app = Flask(__name__)


@app.get("/items/<int:number>")
def item(number: int) -> Response:
    return Response(f"item {number}", headers={"X-Pid": str(os.getpid())})


@app.get("/fail")
def fail() -> Response:
    raise RuntimeError("a view that fails")


@app.get("/exit")
def leave() -> Response:
    raise SystemExit("a view that exits")


@app.get("/echo")
def echo() -> Response:
    from flask import request

    return Response(f"{request.method} {request.args.get('q', '')}")
