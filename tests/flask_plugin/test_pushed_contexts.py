"""Applications that push request contexts themselves: every span ends, and is the right one's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
import pytest
from opentelemetry import context, trace
from otel_rs_instr_flask import FlaskInstrumentor

from parity.wsgi_client import call, environ
from support.telemetry import Telemetry

Push = Callable[[flask.Flask, str], Any]


def another_environ(app: flask.Flask, path: str) -> Any:
    return app.test_request_context(path)


def a_copied_environ(app: flask.Flask, path: str) -> Any:
    return app.request_context({**flask.request.environ, "PATH_INFO": path})


def the_same_environ(app: flask.Flask, path: str) -> Any:
    """Which then has the path of the part."""
    flask.request.environ["PATH_INFO"] = path
    return app.request_context(flask.request.environ)


@pytest.fixture
def app(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> flask.Flask:
    instrumentor.instrument(**telemetry.providers)
    app = flask.Flask("batch")
    app.add_url_rule("/part/<n>", "part", lambda n: str(1 // int(n)))
    app.add_url_rule("/stream", "stream", lambda: flask.Response(iter(["a", "b"])))
    return app


def parts(app: flask.Flask, push: Push) -> list[str]:
    """Sends three requests through the application, one of which fails."""
    result = []
    outer = trace.get_current_span()
    for path in ("/part/1", "/part/0", "/stream"):
        with push(app, path):
            try:
                response = app.full_dispatch_request()
            except ZeroDivisionError as error:
                response = app.make_response(str(error))
            assert trace.get_current_span() is not outer
            result.append(response.get_data(as_text=True))
        assert trace.get_current_span() is outer
    return result


@pytest.mark.parametrize("push", [another_environ, a_copied_environ, the_same_environ])
@pytest.mark.parametrize("streamed", [False, True], ids=["text", "stream"])
def test_in_a_view(push: Push, streamed: bool, app: flask.Flask, telemetry: Telemetry) -> None:
    @app.route("/batch")
    def batch() -> Any:
        answers = parts(app, push)
        return flask.Response(iter(answers)) if streamed else "".join(answers)

    answer = call(app, environ(path="/batch"))
    assert (answer["status"], answer["body"]) == ("200 OK", "1integer division or modulo by zeroab")
    assert [span.name for span in telemetry.spans] == ["GET /part/<n>", "GET /part/<n>", "GET /stream", "GET /batch"]
    *inner, outer = telemetry.spans
    assert outer.attributes is not None
    assert outer.context is not None
    assert outer.attributes["http.status_code"] == 200
    assert {span.parent.span_id for span in inner if span.parent} == {outer.context.span_id}
    assert [len(span.events) for span in telemetry.spans] == [0, 0, 0, 0]
    assert context.get_current() == {}
    assert [point.count for point in telemetry.points("http.server.duration")] == [1]
    assert [point.value for point in telemetry.points("http.server.active_requests")] == [0]


@pytest.mark.parametrize("push", [another_environ, a_copied_environ, the_same_environ])
def test_in_the_body_of_a_stream(push: Push, app: flask.Flask, telemetry: Telemetry) -> None:
    @app.route("/batch")
    def batch() -> flask.Response:
        def body() -> Any:
            yield from parts(app, push)

        return flask.Response(flask.stream_with_context(body()))

    assert call(app, environ(path="/batch"))["body"] == "1integer division or modulo by zeroab"
    assert [span.name for span in telemetry.spans] == ["GET /part/<n>", "GET /part/<n>", "GET /stream", "GET /batch"]
    assert context.get_current() == {}


def test_without_a_request(app: flask.Flask, telemetry: Telemetry) -> None:
    """In a script, pushed and popped by hand, again and again."""
    for path in ("/part/1", "/stream"):
        request_context = app.test_request_context(path)
        request_context.push()
        app.full_dispatch_request()
        request_context.pop()
    assert [span.name for span in telemetry.spans] == ["GET /part/<n>", "GET /stream"]
    assert context.get_current() == {}


def test_a_context_that_is_used_twice(app: flask.Flask, telemetry: Telemetry) -> None:
    request_context = app.test_request_context("/part/1")
    for _ in range(2):
        with request_context:
            app.preprocess_request()
    assert [span.name for span in telemetry.spans] == ["GET /part/<n>"] * 2
    assert context.get_current() == {}
