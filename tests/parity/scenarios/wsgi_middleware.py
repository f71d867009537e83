"""A plain WSGI application under ``OpenTelemetryMiddleware``."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from opentelemetry import baggage, trace

from parity.bench import Bench
from parity.wsgi_client import Application, call, environ

_HEADERS = [("Content-Type", "text/plain")]
_PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def _answers(body: Callable[[], Iterable[bytes]], status: str = "200 OK") -> Application:
    """An application that starts its response and returns a body."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response(status, list(_HEADERS))
        return body()

    return application


def _raises(error: BaseException, *, started: bool) -> Application:
    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if started:
            start_response("200 OK", list(_HEADERS))
        raise error

    return application


def bodies(bench: Bench) -> None:
    """Iterables of all kinds, read to their end."""
    for body in (list, lambda: [b"a"], lambda: (b"a", b"b"), lambda: iter([b"a", b"b"]), lambda: io.BytesIO(b"a\nb")):
        bench.request(bench.wrap(_answers(body)))
    bench.request(bench.wrap(_answers(lambda: (chunk for chunk in (b"a", b"")))))


def lazy_application(bench: Bench) -> None:
    """An application that is a generator, and starts its response with the first chunk."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        bench.note_parentage()
        start_response("404 Not Found", list(_HEADERS))
        yield b"lazy"

    bench.request(bench.wrap(application))


def statuses(bench: Bench) -> None:
    """All kinds of codes, with a reason: stock fails without one."""
    for status in ("204 No Content", "302 Found", "404 Not Found", "500 Oh", "503 Two Words", "099 Low", "600 High",
                   "999 ", "abc def", "-1 Negative", " 200 OK"):  # fmt: skip
        bench.request(bench.wrap(_answers(list, status)))


def errors(bench: Bench) -> None:
    """Exceptions of the application, before and after its response has started."""
    for started in (False, True):
        for error in (ValueError("value"), KeyError("key"), Exception(), UnicodeError("\u00e9"), StopIteration()):
            bench.request(bench.wrap(_raises(error, started=started)))


def errors_in_the_body(bench: Bench) -> None:
    """Exceptions while the body is read."""

    def body() -> Iterator[bytes]:
        yield b"one"
        raise ValueError("in the body")

    bench.request(bench.wrap(_answers(body)))
    bench.request(bench.wrap(_answers(lambda: map(int, [b"1", b"x"]))))  # type: ignore[arg-type]


def started_anew(bench: Bench) -> None:
    """The application starts another response with ``exc_info``."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", list(_HEADERS))
        try:
            raise RuntimeError("too late")
        except RuntimeError:
            start_response("500 Internal Server Error", [*_HEADERS, ("X-Anew", "1")], sys.exc_info())
        return [b"error"]

    bench.request(bench.wrap(application))


def written(bench: Bench) -> None:
    """The application uses what ``start_response`` returns."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", list(_HEADERS))
        write(b"written ")
        return [b"returned"]

    bench.request(bench.wrap(application))


def read_in_part(bench: Bench) -> None:
    """The server closes the body after its first chunk."""
    request = environ()
    body = bench.wrap(_answers(lambda: iter([b"a", b"b"])))(request, lambda *_: lambda data: None)
    bench.note(next(iter(body)).decode())
    if hasattr(body, "close"):
        body.close()


def environs(bench: Bench) -> None:
    """What the application and its server see of each other."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        bench.note(sorted(key for key in environ if not key.startswith(("opentelemetry", "otel"))))
        bench.note([getattr(start_response, "__name__", ""), getattr(start_response, "mark", "")])
        environ["REQUEST_METHOD"] = "CHANGED"
        environ.pop("HTTP_HOST")
        start_response("200 OK", list(_HEADERS))
        return []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        return lambda data: None

    start_response.mark = "the server's"  # type: ignore[attr-defined]
    list(bench.wrap(application)(environ(), start_response))


def hooks(bench: Bench) -> None:
    """Hooks see and change what they should."""

    def request_hook(span: trace.Span, environ: dict[str, Any]) -> None:
        bench.note([environ["PATH_INFO"], span.is_recording(), dict(baggage.get_all())])
        bench.note(trace.get_current_span().get_span_context().is_remote)
        span.set_attribute("http.scheme", "hooked")
        environ["PATH_INFO"] = "/hooked"

    def response_hook(span: trace.Span, environ: dict[str, Any], status: str, headers: list[tuple[str, str]]) -> None:
        bench.note([environ["PATH_INFO"], status, headers, trace.get_current_span() is span])
        span.update_name("named by hook")
        headers.append(("X-Hook", "added"))

    app = _answers(lambda: [b"hooks"])
    bench.request(bench.wrap(app, request_hook=request_hook), "/a")
    bench.request(bench.wrap(app, request_hook=request_hook), "/a", headers={"traceparent": _PARENT, "baggage": "a=1"})
    for _ in range(2):
        bench.request(bench.wrap(app, response_hook=response_hook) if bench.stack != "bare" else app, "/b")


def nested(bench: Bench) -> None:
    """Two middlewares, the inner one under a span of the user's."""
    inner = bench.wrap(_answers(lambda: [b"inner"]))

    def between(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with bench.tracer().start_as_current_span("between"):
            return inner(environ, start_response)  # type: ignore[no-any-return]

    bench.request(bench.wrap(between), headers={"traceparent": _PARENT, "baggage": "a=1"})


def parents(bench: Bench) -> None:
    """Remote parents and baggage, and that they are gone afterwards."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        bench.note(dict(baggage.get_all()))
        bench.note_parentage()
        return _answers(lambda: [b"parents"])(environ, start_response)  # type: ignore[no-any-return]

    wrapped = bench.wrap(application)
    for parent in (_PARENT, _PARENT[:-2] + "00", "garbage", ""):
        bench.request(wrapped, headers={"traceparent": parent, "baggage": "a=1,b=%20", "tracestate": "a=1"})
        bench.note([dict(baggage.get_all()), trace.get_current_span() is trace.INVALID_SPAN])
    with bench.tracer().start_as_current_span("outer") as outer:
        bench.request(wrapped, headers={"traceparent": _PARENT})
        bench.note(trace.get_current_span() is outer)


def requests(bench: Bench) -> None:
    """Methods, user agents and targets."""
    app = bench.wrap(_answers(lambda: [b"requests"]))
    for method in ("HEAD", "OPTIONS", "get", "BREW", "QUERY", "_OTHER", " GET", ""):
        bench.request(app, "/a", method=method)
        bench.request(app, "", method=method)
    for agent in ("curl/8", "Mozilla/5.0 (compatible; Googlebot/2.1)", "AlwaysOn", ""):
        bench.request(app, headers={"User-Agent": agent})
    bench.request(app, overrides={"HTTP_USER_AGENT": b"bytes \xff"})
    for override in ({"RAW_URI": None, "QUERY_STRING": "sig=secret&a=1"}, {"RAW_URI": "http://u:p@shop.example/a"}):
        bench.request(app, "/b", overrides=override)
    bench.set_variable("OTEL_PYTHON_INSTRUMENTATION_HTTP_CAPTURE_ALL_METHODS", "1")
    bench.request(bench.wrap(_answers(list)), method="BREW")


def captured_headers(bench: Bench) -> None:
    """Request and response headers as attributes, sensitive ones redacted."""
    prefix = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_"
    bench.set_variable(prefix + "SERVER_REQUEST", "x-one, X-TWO.*")
    bench.set_variable(prefix + "SERVER_RESPONSE", "content-type,x-.*")
    bench.set_variable(prefix + "SANITIZE_FIELDS", ".*secret.*")

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [*_HEADERS, ("X-Many", "1"), ("x-many", "2"), ("X-Secret", "s")])
        return []

    wrapped = bench.wrap(application)
    headers = {"X-One": "1", "x-two-more": "2", "X-TWO-SECRET": "secret", "X-Oneself": "no"}
    bench.request(wrapped, headers=headers)
    with bench.tracer().start_as_current_span("outer"):
        bench.request(wrapped, headers=headers)


def answered_without_start_response(bench: Bench) -> None:
    """The application forgets it."""
    bench.request(bench.wrap(lambda environ, start_response: [b"nothing started"]))
    answer = call(bench.wrap(lambda environ, start_response: None), environ())
    bench.note(str(answer["raised"]).partition(":")[0])
