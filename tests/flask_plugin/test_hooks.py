"""Hooks of the user's that fail: the client's answer is what it would be without them."""

from __future__ import annotations

import logging
from typing import Any

import flask
import pytest
from opentelemetry import trace
from otel_rs_instr_flask import FlaskInstrumentor

from support.telemetry import Telemetry


def make_app() -> flask.Flask:
    app = flask.Flask("hooks")

    @app.route("/")
    def index() -> str:
        return "index"

    return app


def failing(*_: Any) -> None:
    raise RuntimeError("a hook failed")


@pytest.mark.parametrize("hook", ["request_hook", "response_hook"])
def test_a_hook_that_raises_is_logged_once(
    hook: str, instrumentor: FlaskInstrumentor, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    options: dict[str, Any] = {hook: failing}
    instrumentor.instrument(**options, **telemetry.providers)
    client = make_app().test_client()
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            response = client.get("/")
            assert (response.status, response.get_data()) == ("200 OK", b"index")
    assert len(telemetry.spans) == 3
    assert all(span.attributes and span.attributes["http.status_code"] == 200 for span in telemetry.spans)
    # Once for the life of the process, so another test may have had the line.
    assert len([record for record in caplog.records if "a hook failed" in record.getMessage()]) <= 1
    assert trace.get_current_span() is trace.INVALID_SPAN


@pytest.mark.parametrize("hook", ["request_hook", "response_hook"])
@pytest.mark.parametrize("exception", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_a_base_exception_of_a_hook_passes(
    hook: str, exception: type[BaseException], instrumentor: FlaskInstrumentor, telemetry: Telemetry
) -> None:
    def leave(*_: Any) -> None:
        raise exception

    options: dict[str, Any] = {hook: leave}
    instrumentor.instrument(**options, **telemetry.providers)
    with pytest.raises(exception):
        make_app().test_client().get("/")
    assert len(telemetry.spans) == 1
    assert trace.get_current_span() is trace.INVALID_SPAN


@pytest.mark.parametrize("hook", ["request_hook", "response_hook"])
@pytest.mark.parametrize("value", ["not callable", 7, lambda: None])
def test_a_hook_of_the_wrong_kind(hook: str, value: Any, instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    options: dict[str, Any] = {hook: value}
    instrumentor.instrument(**options, **telemetry.providers)
    assert make_app().test_client().get("/").get_data() == b"index"
    assert len(telemetry.spans) == 1


def test_hooks_may_call_anything(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    """A hook that sends a request to the same application, ends the span and changes the environ."""
    app = make_app()
    depth = 0

    def request_hook(span: trace.Span, environ: dict[str, Any]) -> None:
        nonlocal depth
        depth += 1
        if depth == 1:
            app.test_client().get("/")
        environ["REQUEST_METHOD"] = 7
        environ.clear()
        span.end()

    instrumentor.instrument(request_hook=request_hook, **telemetry.providers)
    response = app.test_client().get("/")
    assert response.status_code in (200, 500)
    assert len(telemetry.spans) == 2
    assert trace.get_current_span() is trace.INVALID_SPAN
