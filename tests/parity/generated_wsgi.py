"""The WSGI application that generated requests are sent to, under ``OpenTelemetryMiddleware``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from opentelemetry import baggage, trace

from parity.bench import Bench
from parity.wsgi_client import Application

SHAPES = ("wsgi", "wsgi-hooks", "wsgi-outer-span", "wsgi-nested")
PATHS = [
    "/", "/", "/", "/\u00e9", "//", "", "/%41", "/raise", "/late-raise", "/body-raises", "/restart", "/write",
    "/stream", "/stream", "/child", "/child", "/chunk-child", "/baggage", "/big", "/empty", "/mutate",
    "/status/299 Odd", "/status/404 Not Found", "/status/500 Oh", "/status/503 Service Unavailable", "/status/099 Low",
    "/status/abc def",
]  # fmt: skip
# Its status has no reason.
BARE_STATUS = "/status/200"


def application(bench: Bench, shape: str, current: dict[str, int]) -> Application:
    """The application; ``current`` has the number of the case that is being sent."""
    app = _Application(bench, current)
    if shape == "wsgi-nested":
        return bench.wrap(bench.wrap(app))
    if shape == "wsgi-hooks":
        return bench.wrap(app, request_hook=_request_hook, response_hook=_response_hook)
    return bench.wrap(app)


def _request_hook(span: trace.Span, environ: dict[str, Any]) -> None:
    span.set_attribute("hook", environ.get("REQUEST_METHOD", ""))


def _response_hook(span: trace.Span, environ: dict[str, Any], status: str, headers: list[tuple[str, str]]) -> None:
    span.set_attribute("hook.status", f"{status} {environ.get('PATH_INFO', '')!r}")
    headers.append(("X-Hook", "1"))


class _Body:
    """An iterable that is neither a list nor a generator, with a ``close()``."""

    def __init__(self, chunks: Iterable[bytes], *, fail: bool = False) -> None:
        self._chunks = iter(chunks)
        self._fail = fail

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        if self._fail:
            raise LookupError("in the body")

    def close(self) -> None:
        """What servers call in the end."""


class _Application:
    """Answers by the path."""

    def __init__(self, bench: Bench, current: dict[str, int]) -> None:
        self._bench = bench
        self._current = current

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        span = trace.get_current_span()
        span.set_attribute("test.case", self._current["number"])
        path = environ.get("PATH_INFO", "")
        headers = [("Content-Type", "text/plain"), ("X-Path", repr(path))]
        if path == "/raise":
            raise ValueError(f"case {self._current['number']}")
        if path.startswith("/status/"):
            start_response(path.removeprefix("/status/"), headers)
            return [b"status"]
        if path == "/mutate":
            environ.update({"REQUEST_METHOD": "CHANGED", "PATH_INFO": "/changed", "HTTP_HOST": "changed"})
        elif path == "/baggage":
            span.set_attribute("test.baggage", repr(sorted(baggage.get_all().items())))
        write = start_response("200 OK", headers)
        if path == "/late-raise":
            raise KeyError("late")
        if path == "/restart":
            try:
                raise RuntimeError("restart")
            except RuntimeError:
                start_response("502 Bad Gateway", headers, sys.exc_info())
        elif path == "/write":
            write(b"written")
        elif path == "/child":
            with self._child():
                pass
        return self._body(path)

    def _body(self, path: str) -> Iterable[bytes]:
        if path == "/stream":
            return _Body([b"one ", b"two"])
        if path == "/body-raises":
            return _Body([b"one "], fail=True)
        if path == "/chunk-child":
            return map(self._chunk, range(2))
        if path == "/empty":
            return []
        return (b"x" * (100_000 if path == "/big" else 10), b"end")

    def _chunk(self, number: int) -> bytes:
        with self._child():
            return b"%d" % number

    def _child(self) -> Any:
        return self._bench.tracer().start_as_current_span("child", attributes={"test.case": self._current["number"]})
