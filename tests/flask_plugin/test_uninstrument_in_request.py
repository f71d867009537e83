"""``uninstrument()`` while something is under way: it is completed as it was begun, then nothing stays."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import flask
import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind
from otel_rs_instr_flask import FlaskInstrumentor

from support.telemetry import Telemetry

METHODS: dict[str, object] = {}


@pytest.fixture(autouse=True)
def methods(bare: None) -> None:
    """Those of ``Flask`` before a test."""
    METHODS.update({name: value for name, value in vars(flask.Flask).items() if callable(value)})


def changed() -> list[str]:
    """The methods of ``Flask`` that are not those of before."""
    return [name for name, method in METHODS.items() if vars(flask.Flask)[name] is not method]


def current() -> trace.Span:
    return trace.get_current_span()


def in_another_thread(body: Callable[[], None]) -> None:
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()


@pytest.fixture
def app(instrumentor: FlaskInstrumentor) -> flask.Flask:
    """An application whose views switch the instrumentation off, in their own thread or in another one."""
    app = flask.Flask("app")

    @app.get("/")
    def index() -> str:
        return "index"

    @app.get("/off")
    def off() -> str:
        instrumentor.uninstrument()
        return f"recording: {current().is_recording()}"

    @app.get("/thread")
    def thread() -> str:
        in_another_thread(instrumentor.uninstrument)
        return f"recording: {current().is_recording()}"

    @app.get("/fails")
    def fails() -> str:
        instrumentor.uninstrument()
        raise LookupError("a view")

    @app.get("/stream")
    def stream() -> flask.Response:
        def body() -> Iterator[str]:
            yield "one "
            instrumentor.uninstrument()
            yield f"recording: {current().is_recording()}"

        return flask.Response(body())

    @app.get("/stream/context")
    def stream_with_context() -> flask.Response:
        def body() -> Iterator[str]:
            yield "one "
            instrumentor.uninstrument()
            yield f"recording: {current().is_recording()}"

        return flask.Response(flask.stream_with_context(body()))

    return app


PATHS = {
    "/off": "recording: True",
    "/thread": "recording: True",
    "/stream": "one recording: True",
    "/stream/context": "one recording: True",
}


@pytest.mark.parametrize("path", [*PATHS, "/fails"])
def test_the_request_ends_and_nothing_stays(
    path: str, app: flask.Flask, instrumentor: FlaskInstrumentor, telemetry: Telemetry
) -> None:
    client = app.test_client()
    instrumentor.instrument(**telemetry.providers)
    answer = client.get(path)
    assert (answer.status_code, answer.text) == (200, PATHS[path]) if path in PATHS else answer.status_code == 500
    answer.close()
    assert current() is trace.INVALID_SPAN
    assert changed() == []
    span = telemetry.span()
    assert (span.name, span.kind, span.parent) == (f"GET {path}", SpanKind.SERVER, None)
    client.get("/")
    assert len(telemetry.spans) == 1
    instrumentor.instrument(**telemetry.providers)
    client.get("/")
    later = telemetry.spans[-1]
    assert (later.name, later.parent) == ("GET /", None)
    assert all(point.value == 0 for point in telemetry.points("http.server.active_requests"))


def test_a_context_that_the_application_has_pushed(
    app: flask.Flask, instrumentor: FlaskInstrumentor, telemetry: Telemetry
) -> None:
    instrumentor.instrument(**telemetry.providers)
    with app.test_request_context("/"):
        app.preprocess_request()
        assert current().is_recording()
        instrumentor.uninstrument()
        # What ends the request is still there, what begins one is not.
        assert changed() == ["do_teardown_request"]
        with app.test_request_context("/"):
            app.preprocess_request()
            assert current() is not trace.INVALID_SPAN
    assert current() is trace.INVALID_SPAN
    assert telemetry.span().name == "GET /"
    assert changed() == []


def test_a_client_that_keeps_the_context(
    app: flask.Flask, instrumentor: FlaskInstrumentor, telemetry: Telemetry
) -> None:
    instrumentor.instrument(**telemetry.providers)
    with app.test_client() as client:
        assert client.get("/").text == "index"
        instrumentor.uninstrument()
        assert flask.request.path == "/"
    assert current() is trace.INVALID_SPAN
    assert telemetry.span().name == "GET /"
    assert changed() == []


def test_an_application_that_was_instrumented_by_hand(
    app: flask.Flask, instrumentor: FlaskInstrumentor, telemetry: Telemetry
) -> None:
    @app.get("/by-hand")
    def by_hand() -> str:
        instrumentor.uninstrument_app(app)
        return "by hand"

    instrumentor.instrument_app(app, **telemetry.providers)
    assert app.test_client().get("/by-hand").text == "by hand"
    assert current() is trace.INVALID_SPAN
    assert telemetry.span().name == "GET /by-hand"
    assert changed() == []


def test_instrumented_again_before_the_end(
    app: flask.Flask, instrumentor: FlaskInstrumentor, telemetry: Telemetry
) -> None:
    @app.get("/again")
    def again() -> str:
        instrumentor.uninstrument()
        instrumentor.instrument(**telemetry.providers)
        return "again"

    instrumentor.instrument(**telemetry.providers)
    client = app.test_client()
    for _ in range(2):
        client.get("/again")
        assert current() is trace.INVALID_SPAN
    assert [(span.name, span.parent) for span in telemetry.spans] == [("GET /again", None)] * 2
