"""Sends a few requests to an instrumented application and prints a line of JSON for each span."""

import json
import sys
from typing import Any

import flask
from collector import Collector
from opentelemetry import baggage, trace
from otel_rs_instr_flask import FlaskInstrumentor

app = flask.Flask("oldest")


@app.route("/hello/<name>")
def hello(name: str) -> str:
    return f"hello {name} {trace.get_current_span().is_recording()} {baggage.get_baggage('key')}"


@app.route("/boom")
def boom() -> str:
    raise ValueError("boom")


@app.route("/stream")
def stream() -> flask.Response:
    return flask.Response(str(trace.get_current_span().is_recording()) for _ in range(3))


def main() -> None:
    """Runs with the SDK that the argument names."""
    if sys.argv[1] == "otel_rs_sdk":
        from otel_rs_sdk import TracerProvider
    else:
        from opentelemetry.sdk.trace import TracerProvider  # type: ignore[assignment]
    FlaskInstrumentor().instrument()
    collector = Collector()
    provider: Any = TracerProvider()
    provider.add_span_processor(collector)
    trace.set_tracer_provider(provider)
    client = app.test_client()
    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "baggage": "key=b"}
    answers = [client.get(path, headers=headers) for path in ("/hello/you", "/boom", "/nope", "/stream")]
    bodies = [answer.data.decode() if answer.status_code == 200 else None for answer in answers]
    for span, body in zip(collector.spans, bodies, strict=True):
        line = {
            "name": span.name,
            "status_code": span.attributes["http.status_code"],
            "parent": f"{span.parent.span_id:016x}",
            "answer": body,
        }
        print(json.dumps(line))


if __name__ == "__main__":
    main()
