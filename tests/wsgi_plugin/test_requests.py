"""From the server's call to the application's answer: ``start_response``, exceptions, contexts."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import baggage, trace
from otel_rs_instr_wsgi import OpenTelemetryMiddleware

from parity.wsgi_client import call, environ
from support.telemetry import Telemetry
from wsgi_plugin.conftest import Wrap
from wsgi_plugin.expectations import (
    ACTIVE,
    assert_ended_once,
    assert_measured,
    event_names,
    start_response,
)

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def simple(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"simple"]


def span_id(span: trace.Span) -> int:
    return span.get_span_context().span_id


def test_a_lazy_application_runs_in_its_span(wrap: Wrap, telemetry: Telemetry) -> None:
    """A generator function: everything, ``start_response`` included, happens while the body is read."""
    seen: list[int] = []

    def application(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        seen.append(span_id(trace.get_current_span()))
        start_response("404 Not Found", [])
        yield b"chunk"
        seen.append(span_id(trace.get_current_span()))

    def server_start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        seen.append(span_id(trace.get_current_span()))

    assert list(wrap(application)(environ(), server_start_response)) == [b"chunk"]
    span = assert_ended_once(telemetry)
    context = span.get_span_context()
    assert context is not None
    assert seen == [context.span_id] * 3
    assert span.attributes is not None
    assert span.attributes["http.status_code"] == 404
    (point,) = telemetry.points("http.server.duration")
    assert point.attributes["http.status_code"] == 404


def test_keyword_arguments_of_start_response_are_seen_and_passed_on(wrap: Wrap, telemetry: Telemetry) -> None:
    given: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status="404 Not Found", headers=[("Content-Type", "text/plain")])
        return [b"nothing"]

    def server_start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        given.update(status=status, headers=headers)

    assert list(wrap(application)(environ(), server_start_response)) == [b"nothing"]
    assert given == {"status": "404 Not Found", "headers": [("Content-Type", "text/plain")]}
    span = assert_ended_once(telemetry)
    assert span.attributes is not None
    assert span.attributes["http.status_code"] == 404


def test_a_lazy_application_that_fails(wrap: Wrap, telemetry: Telemetry) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        raise ValueError("lazy")
        yield b"never"

    assert call(wrap(application), environ())["raised"] == "builtins.ValueError: lazy"
    assert event_names(assert_ended_once(telemetry)) == ["exception"]


def test_headers_and_answer_of_start_response_are_passed_as_they_are(wrap: Wrap, telemetry: Telemetry) -> None:
    headers = [("X-One", "1")]
    passed: list[Any] = []
    hooked: list[Any] = []
    write = object()

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        assert start_response("200 OK", headers) is write
        return []

    def server_start_response(*arguments: Any, **named: Any) -> Any:
        passed.append((arguments, named))
        return write

    def response_hook(span: trace.Span, environ: dict[str, Any], status: str, headers: list[tuple[str, str]]) -> None:
        hooked.append((environ, headers))
        headers.append(("X-Two", "2"))

    request = environ()
    list(wrap(application, response_hook=response_hook)(request, server_start_response))
    (((status, passed_headers), named),) = passed
    ((hooked_environ, hooked_headers),) = hooked
    assert (status, named) == ("200 OK", {})
    assert passed_headers is headers is hooked_headers
    assert hooked_environ is request
    assert headers == [("X-One", "1"), ("X-Two", "2")]
    assert_ended_once(telemetry)


def test_write_is_the_servers(wrap: Wrap, telemetry: Telemetry) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        write(b"written")
        return [b"returned"]

    answer = call(wrap(application), environ())
    assert answer["calls"] == ["start_response", "write b'written'"]
    assert answer["body"] == "returned"
    assert_ended_once(telemetry)


def test_start_response_shows_what_the_servers_does(wrap: Wrap, telemetry: Telemetry) -> None:
    class StartResponse:
        name = "the server's"

        def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return None

    server_start_response = StartResponse()

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        assert start_response.name == "the server's"
        assert start_response.__wrapped__ is server_start_response
        assert not hasattr(start_response, "other")
        return simple(environ, start_response)

    list(wrap(application)(environ(), server_start_response))
    assert_ended_once(telemetry)


@pytest.mark.parametrize("by_name", [False, True])
def test_started_anew_with_exc_info(by_name: bool, wrap: Wrap, telemetry: Telemetry) -> None:
    passed: list[Any] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        try:
            raise RuntimeError("too late")
        except RuntimeError:
            exc_info = sys.exc_info()
            if by_name:
                start_response("500 Oh", [], exc_info=exc_info)
            else:
                start_response("500 Oh", [], exc_info)
        return [b"error"]

    def server_start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        passed.append((status, exc_info and exc_info[0]))

    list(wrap(application)(environ(), server_start_response))
    assert passed == [("200 OK", None), ("500 Oh", RuntimeError)]
    span = assert_ended_once(telemetry)
    assert span.attributes is not None
    assert span.attributes["http.status_code"] == 500
    assert not span.status.is_ok
    (point,) = telemetry.points("http.server.duration")
    assert point.attributes["http.status_code"] == 500


def test_the_server_refuses_to_start_anew(wrap: Wrap, telemetry: Telemetry) -> None:
    """It raises what it is given, as PEP 3333 says, when headers have been sent."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        try:
            raise RuntimeError("too late")
        except RuntimeError:
            start_response("500 Oh", [], sys.exc_info())
        return []

    def server_start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        raise exc_info[1]

    with pytest.raises(RuntimeError, match="too late"):
        wrap(application)(environ(), server_start_response)
    assert event_names(assert_ended_once(telemetry)) == ["exception"]


@pytest.mark.parametrize("status", ["200", "", "abc", "200OK", 200, None, b"200 OK", "\udcff", "9" * 5000], ids=repr)
def test_odd_statuses_reach_the_server(status: Any, wrap: Wrap, telemetry: Telemetry) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status, [])
        return []

    assert call(wrap(application), environ())["status"] == status
    assert_ended_once(telemetry)


def test_a_status_without_a_reason_counts(wrap: Wrap, telemetry: Telemetry) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("503", [])
        return []

    call(wrap(application), environ())
    span = assert_ended_once(telemetry)
    assert span.attributes is not None
    assert span.attributes["http.status_code"] == 503
    assert span.status.status_code is trace.StatusCode.ERROR


@pytest.mark.parametrize("arguments", [(), ("200 OK",), ("200 OK", [], None, "more")], ids=repr)
def test_start_response_called_wrongly(arguments: tuple[Any, ...], wrap: Wrap, telemetry: Telemetry) -> None:
    """The server's own error reaches the application."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(*arguments)
        return []

    bare, traced = call(application, environ()), call(wrap(application), environ())
    assert str(bare["raised"]).startswith("builtins.TypeError")
    assert traced == bare
    assert_ended_once(telemetry)


def test_start_response_called_by_name(wrap: Wrap, telemetry: Telemetry) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status="404 Not Found", headers=[])
        return []

    assert call(wrap(application), environ())["status"] == "404 Not Found"
    assert_ended_once(telemetry)


@pytest.mark.parametrize(
    "error",
    [ValueError("v"), StopIteration(), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), BaseException("base")],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("started", [True, False])
def test_the_same_exception_comes_out(started: bool, error: BaseException, wrap: Wrap, telemetry: Telemetry) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if started:
            start_response("200 OK", [])
        raise error

    with pytest.raises(type(error)) as raised:
        wrap(application)(environ(), start_response)
    assert raised.value is error
    assert error.__context__ is None
    span = assert_ended_once(telemetry)
    assert event_names(span) == (["exception"] if isinstance(error, Exception) else [])


def test_an_exception_that_cannot_be_shown(wrap: Wrap, telemetry: Telemetry) -> None:
    class Unshowable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

        __repr__ = __str__

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise Unshowable

    with pytest.raises(Unshowable):
        wrap(application)(environ(), start_response)
    assert_ended_once(telemetry)


def test_nested_middlewares(wrap: Wrap, telemetry: Telemetry) -> None:
    answer = call(wrap(wrap(simple)), environ(headers={"traceparent": PARENT}))
    assert answer["body"] == "simple"
    inner, outer = telemetry.spans
    assert (inner.kind, outer.kind) == (trace.SpanKind.INTERNAL, trace.SpanKind.SERVER)
    assert inner.parent is not None
    assert outer.parent is not None
    assert outer.context is not None
    assert inner.parent.span_id == outer.context.span_id
    assert f"{outer.parent.span_id:016x}" == PARENT.split("-")[2]
    assert_measured(telemetry, requests=2)


def test_baggage_is_there_for_application_and_body(wrap: Wrap, telemetry: Telemetry) -> None:
    seen: list[Any] = []

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.append(baggage.get_baggage("user"))
        start_response("200 OK", [])
        return map(chunk, [b"a"])

    def chunk(data: bytes) -> bytes:
        seen.append(baggage.get_baggage("user"))
        return data

    response = iter(wrap(application)(environ(headers={"baggage": "user=ann"}), start_response))
    next(response)
    assert baggage.get_all() == {}
    list(response)
    assert seen == ["ann", "ann"]


def test_a_body_read_in_another_thread(wrap: Wrap, telemetry: Telemetry) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return (b"%x" % span_id(trace.get_current_span()) for _ in range(3))

    def read_one(response: Any) -> bytes:
        assert trace.get_current_span() is trace.INVALID_SPAN
        chunk: bytes = next(response, b"")
        assert trace.get_current_span() is trace.INVALID_SPAN
        return chunk

    response = iter(wrap(application)(environ(), start_response))
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        chunks = [pool.submit(read_one, response).result(10) for pool in (one, other, one, other)]
    context = telemetry.span().get_span_context()
    assert context is not None
    assert chunks == [b"%x" % context.span_id] * 3 + [b""]
    assert_ended_once(telemetry)


def test_requests_at_once(wrap: Wrap, telemetry: Telemetry) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        span = trace.get_current_span()
        start_response("200 OK", [])
        return (b"%x" % (trace.get_current_span() is span) for _ in range(3))

    wrapped = wrap(application)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: call(wrapped, environ(path=f"/{number}")), range(400)))
    assert {answer["body"] for answer in answers} == {"111"}
    assert {span.name for span in telemetry.spans} == {f"GET /{number}" for number in range(400)}
    assert_measured(telemetry, requests=400)


def test_the_middleware_is_an_object_like_stocks(telemetry: Telemetry) -> None:
    class Own(OpenTelemetryMiddleware):
        def __call__(self, environ: Any, start_response: Any) -> Any:
            environ["own"] = True
            return super().__call__(environ, start_response)

    own = Own(simple, **telemetry.providers)
    own.mark = 1  # type: ignore[attr-defined]
    assert own.wsgi is simple
    request = environ()
    assert list(own(request, start_response)) == [b"simple"]
    assert request["own"]
    assert_ended_once(telemetry)


def test_an_environ_that_is_no_dict(wrap: Wrap, telemetry: Telemetry) -> None:
    """No server does that; the application decides what to make of it."""

    class Environ:
        PATH_INFO = "/"

    assert list(wrap(simple)(Environ(), start_response)) == [b"simple"]  # type: ignore[arg-type]
    assert telemetry.spans == ()
    assert telemetry.points(ACTIVE) == []


def test_nothing_stays_in_the_environ(wrap: Wrap, telemetry: Telemetry) -> None:
    request = environ()
    before = dict(request)
    list(wrap(simple)(request, start_response))
    assert request == before
