"""What a streamed body leaves current at the end of a chunk is current again in the next one, and nowhere else."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flask
import pytest
from opentelemetry import baggage, context, trace
from otel_rs_instr_flask import FlaskInstrumentor
from otel_rs_instr_wsgi import OpenTelemetryMiddleware

from parity.wsgi_client import environ
from support.telemetry import Telemetry

Body = Callable[[], Iterator[bytes]]
Send = Callable[[Body], Any]


def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
    return lambda data: None


@pytest.fixture(params=["flask", "wsgi"])
def send(request: pytest.FixtureRequest, instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> Send:
    """Answers a request with what the function returns, and gives it to the test as it is given to a server."""

    def application(body: Body) -> Any:
        if request.param == "flask":
            instrumentor.instrument(**telemetry.providers)
            app = flask.Flask("streaming")
            app.add_url_rule("/", view_func=lambda: flask.Response(body()))
            return app

        def answer(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
            start_response("200 OK", [])
            return body()

        return OpenTelemetryMiddleware(answer, **telemetry.providers)

    return lambda body: application(body)(environ(), start_response)


@pytest.fixture
def tracer(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> Iterator[trace.Tracer]:
    """The application's tracer; nothing is current afterwards, and nothing was logged."""
    yield telemetry.tracer_provider.get_tracer("app")
    assert context.get_current() == {}
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


def parents(telemetry: Telemetry) -> dict[str, str | None]:
    """The name of each span's parent."""
    names = {span.context.span_id: span.name for span in telemetry.spans if span.context}
    return {span.name: names.get(span.parent.span_id, "?") if span.parent else None for span in telemetry.spans}


def with_block(tracer: trace.Tracer) -> Iterator[bytes]:
    """A span around all chunks."""
    with tracer.start_as_current_span("own"):
        for number in range(3):
            with tracer.start_as_current_span(f"step {number}"):
                pass
            yield b"chunk"


def by_hand(tracer: trace.Tracer) -> Iterator[bytes]:
    """Attached before a chunk and detached some chunks later."""
    yield b"chunk"
    span = tracer.start_span("own")
    token = context.attach(trace.set_span_in_context(span))
    for number in range(3):
        yield b"chunk"
        tracer.start_span(f"step {number}").end()
    context.detach(token)
    span.end()
    tracer.start_span("after").end()
    yield b"chunk"


@pytest.mark.parametrize("body", [with_block, by_hand])
def test_a_span_of_the_body(body: Any, send: Send, tracer: trace.Tracer, telemetry: Telemetry) -> None:
    for _ in send(lambda: body(tracer)):
        assert context.get_current() == {}
    found = parents(telemetry)
    request = next(name for name, parent in found.items() if parent is None)
    assert {name: parent for name, parent in found.items() if name.startswith("step")} == {
        f"step {number}": "own" for number in range(3)
    }
    assert found["own"] == found.get("after", request) == request


def test_baggage_and_another_value(send: Send, tracer: trace.Tracer) -> None:
    seen: list[tuple[Any, Any]] = []

    def body() -> Iterator[bytes]:
        token = context.attach(baggage.set_baggage("tenant", "blue"))
        for number in range(3):
            seen.append((baggage.get_baggage("tenant"), context.get_value("number")))
            context.attach(context.set_value("number", number))
            yield b"chunk"
        context.detach(token)
        seen.append((baggage.get_baggage("tenant"), context.get_value("number")))

    for _ in send(body):
        assert context.get_current() == {}
    assert seen == [("blue", None), ("blue", 0), ("blue", 1), (None, None)]


def test_a_body_that_the_view_has_started(send: Send, tracer: trace.Tracer, telemetry: Telemetry) -> None:
    """Its first chunk is made before the response is."""

    def started() -> Iterator[bytes]:
        body = with_block(tracer)
        first = next(body)
        return (chunk for part in ([first], body) for chunk in part)

    assert list(send(started)) == [b"chunk"] * 3
    assert {parents(telemetry)[f"step {number}"] for number in range(3)} == {"own"}


def close(response: Any) -> None:
    response.close()


def drop(response: Any) -> None:
    """What the caller has is the last reference."""


@pytest.mark.parametrize("end", [close, drop])
@pytest.mark.parametrize("body", [with_block, by_hand])
def test_left_in_the_middle(
    end: Callable[[Any], None], body: Any, send: Send, tracer: trace.Tracer, telemetry: Telemetry
) -> None:
    response = send(lambda: body(tracer))
    assert [next(response), next(response)] == [b"chunk", b"chunk"]
    assert context.get_current() == {}
    end(response)
    del response
    gc.collect()
    assert context.get_current() == {}
    found = parents(telemetry)
    assert ("own" in found) == (body is with_block)
    assert None in found.values()


def test_each_chunk_in_another_thread(send: Send, telemetry: Telemetry) -> None:
    """A server may do so; the body of this one opens and ends its span without a token."""
    tracer = telemetry.tracer_provider.get_tracer("app")

    def body() -> Iterator[bytes]:
        with tracer.start_span("own") as span:
            context.attach(trace.set_span_in_context(span))
            for number in range(3):
                yield b"chunk"
                tracer.start_span(f"step {number}").end()

    response = send(body)
    left: list[Any] = []
    for _ in range(4):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(next, response, None).result()
            left.append(pool.submit(context.get_current).result())
    assert left == [{}] * 4
    assert [parents(telemetry)[f"step {number}"] for number in range(3)] == ["own"] * 3


def test_a_stream_with_the_request_context(
    instrumentor: FlaskInstrumentor, tracer: trace.Tracer, telemetry: Telemetry
) -> None:
    instrumentor.instrument(**telemetry.providers)
    app = flask.Flask("streaming")

    @app.route("/")
    def view() -> flask.Response:
        def body() -> Iterator[bytes]:
            with tracer.start_as_current_span("own"):
                for number in range(3):
                    tracer.start_span(f"step {number}").end()
                    yield flask.request.path.encode()

        return flask.Response(flask.stream_with_context(body()))

    for chunk in app(environ(), start_response):
        assert chunk == b"/"
        assert context.get_current() == {}
    assert not flask.has_request_context()
    assert parents(telemetry) == {"GET /": None, "own": "GET /", **{f"step {number}": "own" for number in range(3)}}
