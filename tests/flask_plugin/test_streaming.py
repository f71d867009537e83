"""Streamed bodies: one span until the first of exhaustion, error, ``close()`` and drop; the body in its context."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest
from opentelemetry import trace
from otel_rs_instr_flask import FlaskInstrumentor

from parity.wsgi_client import environ
from support.telemetry import Telemetry


class Body:
    """An iterable that counts what is done to it; ``fail`` makes the third chunk raise."""

    def __init__(self, *, fail: BaseException | None = None, fail_in_close: bool = False) -> None:
        self.fail = fail
        self.fail_in_close = fail_in_close
        self.chunks = 0
        self.closed = 0
        self.current: list[trace.Span] = []

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.current.append(trace.get_current_span())
        self.chunks += 1
        if self.chunks == 3:
            raise self.fail or StopIteration
        return b"chunk"

    def close(self) -> None:
        self.current.append(trace.get_current_span())
        self.closed += 1
        if self.fail_in_close:
            raise OSError("close failed")


Stream = Callable[[Body], Any]


@pytest.fixture
def stream(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> Stream:
    """Sends a request whose answer is the body, as a server does, and returns what the application returned."""
    instrumentor.instrument(**telemetry.providers)

    def send(body: Body) -> Any:
        app = flask.Flask("streaming")
        app.add_url_rule("/", view_func=lambda: flask.Response(body, direct_passthrough=True))
        return app(environ(), lambda status, headers, exc_info=None: lambda data: None)

    return send


def assert_ended_once(telemetry: Telemetry) -> None:
    assert telemetry.span().name == "GET /"
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert [point.value for point in telemetry.points("http.server.active_requests")] == [0]
    assert [point.count for point in telemetry.points("http.server.duration")] == [1]


def test_exhausted_and_closed(stream: Stream, telemetry: Telemetry) -> None:
    body = Body()
    response = stream(body)
    assert iter(response) is not None
    assert list(response) == [b"chunk", b"chunk"]
    response.close()
    assert body.closed == 1
    assert_ended_once(telemetry)
    assert telemetry.span().events == ()
    ids = {span.get_span_context().span_id for span in body.current}
    context = telemetry.span().get_span_context()
    assert context is not None
    assert ids == {context.span_id}


def test_the_span_lasts_as_long_as_the_body(stream: Stream, telemetry: Telemetry) -> None:
    response = iter(stream(Body()))
    next(response)
    assert len(telemetry.spans) == 0
    assert trace.get_current_span() is trace.INVALID_SPAN
    next(response)
    assert len(telemetry.spans) == 0
    assert next(response, None) is None
    assert_ended_once(telemetry)


def test_closed_before_the_first_chunk(stream: Stream, telemetry: Telemetry) -> None:
    body = Body()
    response = stream(body)
    response.close()
    assert (body.chunks, body.closed) == (0, 1)
    assert_ended_once(telemetry)


def test_closed_in_the_middle_and_again(stream: Stream, telemetry: Telemetry) -> None:
    body = Body()
    response = stream(body)
    next(iter(response))
    response.close()
    response.close()
    assert body.closed == 1
    assert_ended_once(telemetry)


def test_dropped(stream: Stream, telemetry: Telemetry) -> None:
    response = stream(Body())
    next(iter(response))
    del response
    gc.collect()
    assert_ended_once(telemetry)


def test_dropped_while_an_exception_is_under_way(stream: Stream, telemetry: Telemetry) -> None:
    """The loop holds the last reference and lets it go while it is left; the exception must stay what it is."""

    def serve() -> None:
        for _ in stream(Body()):
            raise ConnectionResetError("the client is gone")

    with pytest.raises(ConnectionResetError, match="the client is gone"):
        serve()
    assert_ended_once(telemetry)


@pytest.mark.parametrize("error", [ValueError("body"), SystemExit(1), GeneratorExit()], ids=lambda error: repr(error))
def test_an_error_in_the_body(error: BaseException, stream: Stream, telemetry: Telemetry) -> None:
    body = Body(fail=error)
    response = stream(body)
    with pytest.raises(type(error)) as raised:
        list(response)
    assert raised.value is error
    response.close()
    assert body.closed == 1
    assert_ended_once(telemetry)
    span = telemetry.span()
    assert [event.name for event in span.events] == (["exception"] if isinstance(error, Exception) else [])


def test_an_error_in_close(stream: Stream, telemetry: Telemetry) -> None:
    body = Body(fail_in_close=True)
    response = stream(body)
    list(response)
    with pytest.raises(OSError, match="close failed"):
        response.close()
    response.close()
    assert body.closed == 1
    assert_ended_once(telemetry)


def test_read_after_the_end(stream: Stream, telemetry: Telemetry) -> None:
    response = iter(stream(Body()))
    list(response)
    assert next(response, b"chunk") == b"chunk"
    assert_ended_once(telemetry)


def test_what_the_server_holds_is_an_iterator_that_offers_what_the_body_offers(stream: Stream) -> None:
    response = stream(Body())
    assert next(response) == b"chunk"
    assert not hasattr(response, "__len__")
    assert not hasattr(response, "fileno")
    response.close()


def test_the_body_reads_itself_through_another_request(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    """A body that sends a request to the application it comes from."""
    instrumentor.instrument(**telemetry.providers)
    app = flask.Flask("nested")

    @app.route("/")
    def outer_view() -> flask.Response:
        return flask.Response(app.test_client().get("/inner").data for _ in range(2))

    @app.route("/inner")
    def inner_view() -> str:
        return "inner"

    assert app.test_client().get("/").data == b"innerinner"
    inner, other, outer = sorted(telemetry.spans, key=lambda span: span.name != "GET /inner")
    assert (inner.name, other.name, outer.name) == ("GET /inner", "GET /inner", "GET /")
    for span in (inner, other):
        assert span.parent is not None
        assert outer.context is not None
        assert span.parent.span_id == outer.context.span_id
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_the_stack_trace_of_an_error_in_the_body(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    instrumentor.instrument(**telemetry.providers)
    app = flask.Flask("trace")

    def body() -> Iterator[bytes]:
        yield b"chunk"
        raise ValueError("here")

    app.add_url_rule("/", view_func=lambda: flask.Response(body()))
    with pytest.raises(ValueError, match="here"):
        list(app(environ(), lambda status, headers, exc_info=None: lambda data: None))
    (event,) = telemetry.span().events
    assert event.attributes is not None
    assert 'raise ValueError("here")' in str(event.attributes["exception.stacktrace"])
