"""The process that is measured: a small application, called as gunicorn calls it.

Prints one JSON object: CPU microseconds per request (all threads, the final flush included) and resident memory in
KiB. The same file runs in every row; the launcher decides what is instrumented. ``--floor`` makes by hand the SDK calls
that an instrumentation has to make, and none of its other work.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

_TEMPLATE: dict[str, Any] = {
    "wsgi.version": (1, 0),
    "wsgi.multithread": False,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
    "wsgi.input_terminated": True,
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
    "SERVER_SOFTWARE": "gunicorn/27.0.1",
    "REQUEST_METHOD": "GET",
    "QUERY_STRING": "verbose=1",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_HOST": "shop.example.com:8000",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.5",
    "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
    "HTTP_CONNECTION": "keep-alive",
    "REMOTE_ADDR": "192.0.2.10",
    "REMOTE_PORT": "51234",
    "SERVER_NAME": "0.0.0.0",
    "SERVER_PORT": "8000",
    "SCRIPT_NAME": "",
}

Call = Callable[[dict[str, Any], Any], Iterable[bytes]]


def make_app() -> Flask:
    """One route with a parameter that returns a short string."""
    from flask import Flask

    app = Flask("workload")

    @app.get("/users/<int:number>")
    def user(number: int) -> str:
        return f"user {number}"

    return app


def make_wsgi_app(middleware: str) -> Call:
    """The same answers without a framework, under ``middleware`` (a module with an ``OpenTelemetryMiddleware``)."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = b"user %d" % int(environ["PATH_INFO"].rpartition("/")[2])
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]

    if not middleware:
        return app
    wrapped: Call = importlib.import_module(middleware).OpenTelemetryMiddleware(app)
    return wrapped


def environ_of(number: int) -> dict[str, Any]:
    """A new WSGI environ, as gunicorn makes one for each request."""
    path = f"/users/{number}"
    return {**_TEMPLATE, "PATH_INFO": path, "RAW_URI": f"{path}?verbose=1", "wsgi.input": io.BytesIO()}


def drive(app: Call, requests: int) -> None:
    """Sends ``requests`` requests and checks each answer."""
    statuses: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], None]:
        statuses.append(status)
        return lambda data: None

    for number in range(requests):
        result = app(environ_of(number), start_response)
        body = b"".join(result)
        if (close := getattr(result, "close", None)) is not None:
            close()
        if body != b"user %d" % number or statuses.pop() != "200 OK":
            raise SystemExit(f"wrong answer to request {number}: {body!r}")


def with_sdk_calls(app: Flask) -> Call:
    """``app`` with the SDK calls of one request around it: a span, a histogram, an up-down counter twice."""
    from opentelemetry import context, metrics, trace

    tracer = trace.get_tracer("floor")
    meter = metrics.get_meter("floor")
    active = meter.create_up_down_counter("http.server.active_requests")
    duration = meter.create_histogram("http.server.duration", unit="ms")
    server = {
        "http.method": "GET",
        "http.host": "shop.example.com:8000",
        "http.scheme": "http",
        "http.flavor": "1.1",
        "http.server_name": "0.0.0.0",
    }
    request = {
        **server,
        "net.host.name": "shop.example.com",
        "net.host.port": 8000,
        "net.peer.ip": "192.0.2.10",
        "net.peer.port": 51234,
        "http.target": "/users/1?verbose=1",
        "http.user_agent": _TEMPLATE["HTTP_USER_AGENT"],
        "http.route": "/users/<int:number>",
    }
    measured: dict[str, Any] = {
        **server,
        "net.host.port": 8000,
        "http.status_code": 200,
        "http.target": "/users/<int:number>",
    }

    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        started = time.time_ns()
        active.add(1, server)
        span = tracer.start_span(
            "GET /users/<int:number>", kind=trace.SpanKind.SERVER, attributes=request, start_time=started
        )
        span_context = trace.set_span_in_context(span)
        token = context.attach(span_context)
        result = app(environ, start_response)
        span.set_attribute("http.status_code", 200)
        span.end()
        context.detach(token)
        duration.record((time.time_ns() - started) // 1_000_000, measured, context=span_context)
        active.add(-1, server)
        return result

    return call


def flush() -> None:
    """Sends everything that is queued, if there is a provider."""
    try:
        from opentelemetry import metrics, trace
    except ImportError:
        return
    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
        if (force_flush := getattr(provider, "force_flush", None)) is not None:
            force_flush()


def resident_kib() -> int:
    """Resident memory of this process in KiB."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def measured(drive: Callable[[int], None], requests: int, warm_up: int) -> None:
    """Drives ``warm_up`` requests and then those that are measured, and prints."""
    drive(warm_up)
    flush()

    children = os.times()
    started = time.process_time()
    drive(requests)
    flush()
    cpu = time.process_time() - started
    ended = os.times()
    cpu += ended.children_user + ended.children_system - children.children_user - children.children_system
    print(json.dumps({"cpu_us": cpu / requests * 1e6, "rss_kib": resident_kib()}))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--warm-up", type=int, required=True)
    parser.add_argument("--floor", action="store_true")
    parser.add_argument("--wsgi", action="store_true", help="without Flask")
    parser.add_argument("--middleware", default="", help="for --wsgi")
    options = parser.parse_args()

    if options.wsgi:
        call = make_wsgi_app(options.middleware)
    else:
        app = make_app()
        call = with_sdk_calls(app) if options.floor else app
    measured(lambda requests: drive(call, requests), options.requests, options.warm_up)


if __name__ == "__main__":
    main()
