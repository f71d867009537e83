"""WSGI applications under ``OpenTelemetryMiddleware``."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from opentelemetry import trace

from parity.bench import Bench
from parity.wsgi_client import environ

BODY_SECONDS = 0.06


def _start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
    return lambda data: None


def _answering(body: Any, status: str = "200 OK") -> Any:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response(status, [("Content-Type", "text/plain")])
        return body

    return application


def _failing(*_: Any) -> None:
    raise RuntimeError("a hook failed")


class _Body:
    """Counts how often it is closed."""

    def __init__(self) -> None:
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        yield b"one"
        yield b"two"

    def close(self) -> None:
        self.closed += 1


def raising_request_hook(bench: Bench) -> None:
    """A request hook that raises."""
    bench.request(bench.wrap(_answering([b"answer"]), request_hook=_failing))


def raising_response_hook(bench: Bench) -> None:
    """A response hook that raises."""
    bench.request(bench.wrap(_answering([b"answer"]), response_hook=_failing))


def current_span_between_chunks(bench: Bench) -> None:
    """What is current in the server when it has one chunk and not the next."""
    response = iter(bench.wrap(_answering(iter([b"one", b"two"])))(environ(), _start_response))
    next(response)
    bench.note(trace.get_current_span() is trace.INVALID_SPAN)
    list(response)


def slow_body(bench: Bench) -> None:
    """A body that takes its time."""

    def chunks() -> Iterator[bytes]:
        yield b"one"
        time.sleep(BODY_SECONDS)
        yield b"two"

    bench.request(bench.wrap(_answering(chunks())))


def lazy_application(bench: Bench) -> None:
    """A generator function, which starts its response with the first chunk."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("404 Not Found", [])
        yield b"lazy"

    bench.request(bench.wrap(application))


def closed_before_iteration(bench: Bench) -> None:
    """The client is gone before the first chunk."""
    body = _Body()
    response = bench.wrap(_answering(body))(environ(), _start_response)
    response.close()
    bench.note(body.closed)


def failing_close(bench: Bench) -> None:
    """A body whose ``close()`` raises."""

    class Body(_Body):
        def close(self) -> None:
            raise OSError("close")

    bench.request(bench.wrap(_answering(Body())))


def length(bench: Bench) -> None:
    """A body with a length."""
    response = bench.wrap(_answering([b"one", b"two"]))(environ(), _start_response)
    bench.note(len(response) if hasattr(response, "__len__") else None)
    list(response)


def file_wrapper(bench: Bench) -> None:
    """A body that the server made, and knows by its type."""

    class FileWrapper:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"file"])

    body = FileWrapper()
    request = environ(overrides={"wsgi.file_wrapper": FileWrapper})
    response = bench.wrap(_answering(body))(request, _start_response)
    bench.note(response is body)
    list(response)


def attributes_of_the_body(bench: Bench) -> None:
    """A body with an attribute that a server may look for."""

    class Body(_Body):
        block_size = 7

    response = bench.wrap(_answering(Body()))(environ(), _start_response)
    bench.note(getattr(response, "block_size", None))
    list(response)


def status_without_a_reason(bench: Bench) -> None:
    """A status of three digits."""
    bench.request(bench.wrap(_answering([b"answer"], "503")))


def odd_ports(bench: Bench) -> None:
    """Ports that are no numbers."""
    app = bench.wrap(_answering([b"answer"]))
    for port in ("http", "80x"):
        bench.request(app, overrides={"SERVER_PORT": port})


def missing_keys(bench: Bench) -> None:
    """Environs that lack what a URL is made of."""
    app = bench.wrap(_answering([b"answer"]))
    bench.request(app, overrides={"RAW_URI": None, "HTTP_HOST": None, "SERVER_NAME": None})
    bench.request(app, overrides={"RAW_URI": None, "HTTP_HOST": None, "SERVER_PORT": None})
    bench.request(app, overrides={"RAW_URI": None, "wsgi.url_scheme": None})


def active_requests_of_a_stream(bench: Bench) -> None:
    """Metrics exported between two chunks."""
    response = iter(bench.wrap(_answering(iter([b"one", b"two"])))(environ(), _start_response))
    next(response)
    bench.export_metrics()
    list(response)


def system_exit(bench: Bench) -> None:
    """An application that raises what is no ``Exception``."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise SystemExit(3)

    bench.request(bench.wrap(application))


def long_baggage(bench: Bench) -> None:
    """A baggage header of 18 KB that is no baggage."""
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    handler = Handler(logging.WARNING)
    logging.getLogger().addHandler(handler)
    try:
        app = bench.wrap(_answering([b"answer"]))
        for _ in range(5):
            bench.request(app, headers={"baggage": "?" * 40 + "s3cret" * 3000})
    finally:
        logging.getLogger().removeHandler(handler)
    bench.note(sum(map(len, lines)))
