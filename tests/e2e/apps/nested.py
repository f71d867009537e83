"""An application that waits within a span of its own, so that requests take turns in one thread or process."""

import sys
import time

from flask import Flask
from opentelemetry import trace

app = Flask(__name__)
tracer = trace.get_tracer("application")


@app.get("/flush")
def flush() -> str:
    with tracer.start_as_current_span("flushed"):
        pass
    return f"flushed {trace.get_tracer_provider().force_flush()}"  # type: ignore[attr-defined]


@app.get("/wait/<int:number>")
def wait(number: int) -> str:
    print(f"serving /wait/{number}", file=sys.stderr, flush=True)
    with tracer.start_as_current_span(f"outer {number}"):
        time.sleep(0.002)
        with tracer.start_as_current_span(f"inner {number}"):
            time.sleep(0.002)
    return f"waited {number}"
