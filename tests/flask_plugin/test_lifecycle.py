"""``instrument()`` and ``uninstrument()``, globally and for one application, in all orders."""

from __future__ import annotations

import contextlib
import inspect
import logging
from typing import Any

import flask
import pytest
from opentelemetry import trace
from otel_rs_instr_flask import FlaskInstrumentor

from parity.wsgi_client import call, environ
from support.telemetry import Telemetry

METHODS = ("__call__", "wsgi_app", "full_dispatch_request", "preprocess_request", "do_teardown_request")


def make_app(name: str = "app") -> flask.Flask:
    app = flask.Flask(name)

    @app.route("/")
    def index() -> str:
        return f"recording: {trace.get_current_span().is_recording()}"

    return app


def is_traced(app: flask.Flask) -> bool:
    body = app.test_client().get("/").get_data(as_text=True)
    return body == "recording: True"


def class_attributes() -> dict[str, Any]:
    return dict(vars(flask.Flask))


def test_uninstrument_restores_exactly_what_was_there(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    before, class_before = class_attributes(), flask.Flask
    instrumentor.instrument(**telemetry.providers)
    assert is_traced(make_app())
    instrumentor.uninstrument()
    after = class_attributes()
    assert flask.Flask is class_before
    assert after.keys() == before.keys()
    assert [name for name in before if before[name] is not after[name]] == []


def test_an_application_has_no_trace_of_it_afterwards(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    app = make_app()
    before = dict(vars(app))
    instrumentor.instrument(**telemetry.providers)
    assert is_traced(app)
    instrumentor.uninstrument()
    instrumentor.instrument_app(app, **telemetry.providers)
    assert is_traced(app)
    instrumentor.uninstrument_app(app)
    assert not is_traced(app)
    # The mark stays, as with stock: it is what makes uninstrument_app() win over a later instrument().
    added = {name for name in vars(app) if name not in before} - {"_is_instrumented_by_opentelemetry"}
    assert added == set()


def test_what_was_made_before_is_instrumented_too(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    class Shop(flask.Flask):
        pass

    app, shop = make_app(), Shop("shop")
    bound = app.wsgi_app
    client = app.test_client()
    instrumentor.instrument(**telemetry.providers)
    assert is_traced(app)
    client.get("/")
    shop.test_client().get("/")
    assert len(telemetry.spans) == 3
    instrumentor.uninstrument()
    telemetry.clear()
    client.get("/")
    assert call(bound, environ())["body"] == "recording: False"
    assert len(telemetry.spans) == 0


def test_rounds(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    app, before = make_app(), class_attributes()
    for _ in range(3):
        instrumentor.instrument(**telemetry.providers)
        assert is_traced(app)
        instrumentor.uninstrument()
        assert not is_traced(app)
    assert len(telemetry.spans) == 3
    after = class_attributes()
    assert [name for name in after if after[name] is not before[name]] == []


def test_a_second_instrument_changes_nothing(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    instrumentor.instrument(**telemetry.providers)
    instrumentor.instrument(**Telemetry().providers)
    assert is_traced(make_app())
    assert len(telemetry.spans) == 1
    instrumentor.uninstrument()
    instrumentor.uninstrument()
    assert not is_traced(make_app())


@pytest.mark.parametrize("method", METHODS)
def test_a_wrapper_looks_like_what_it_wraps(method: str, instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    original = getattr(flask.Flask, method)
    instrumentor.instrument(**telemetry.providers)
    wrapper = getattr(flask.Flask, method)
    assert wrapper is getattr(flask.Flask, method)
    assert wrapper.__name__ == original.__name__
    assert wrapper.__qualname__ == original.__qualname__
    assert wrapper.__doc__ == original.__doc__
    assert wrapper.__wrapped__ is original
    assert inspect.signature(wrapper) == inspect.signature(original)
    assert callable(getattr(make_app(), method))


def test_a_wrapper_over_ours_survives_uninstrument(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    """Somebody wraps our wrapper and keeps it: theirs must go on, ours must do nothing more."""
    calls: list[str] = []
    original = flask.Flask.wsgi_app
    instrumentor.instrument(**telemetry.providers)
    ours = flask.Flask.wsgi_app

    def theirs(app: flask.Flask, environ: dict[str, Any], start_response: Any) -> Any:
        calls.append("theirs")
        return ours(app, environ, start_response)

    setattr(flask.Flask, "wsgi_app", theirs)  # noqa: B010  # mypy takes no assignment to a method
    app = make_app()
    assert is_traced(app)
    instrumentor.uninstrument()
    telemetry.clear()
    assert not is_traced(app)
    assert calls == ["theirs", "theirs"]
    assert len(telemetry.spans) == 0
    assert flask.Flask.wsgi_app is theirs

    instrumentor.instrument(**telemetry.providers)
    assert is_traced(app)
    assert len(telemetry.spans) == 1
    instrumentor.uninstrument()
    setattr(flask.Flask, "wsgi_app", original)  # noqa: B010
    assert not is_traced(app)


def test_a_held_method_is_a_pass_through_afterwards(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    app = make_app()
    instrumentor.instrument(**telemetry.providers)
    held = app.wsgi_app
    instrumentor.uninstrument()
    answer = call(held, environ())
    assert (answer["status"], answer["body"]) == ("200 OK", "recording: False")
    assert len(telemetry.spans) == 0


def test_uninstrument_app_wins_over_a_global_instrument(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    app, other = make_app(), make_app()
    instrumentor.instrument(**telemetry.providers)
    instrumentor.uninstrument_app(app)
    assert not is_traced(app)
    assert is_traced(other)
    instrumentor.instrument_app(app, **telemetry.providers)
    assert is_traced(app)
    instrumentor.uninstrument_app(app)


def test_uninstrument_keeps_what_was_instrumented_by_hand(
    instrumentor: FlaskInstrumentor, telemetry: Telemetry
) -> None:
    app, other = make_app(), make_app()
    instrumentor.instrument(**telemetry.providers)
    instrumentor.instrument_app(app, **telemetry.providers)
    instrumentor.uninstrument()
    assert is_traced(app)
    assert not is_traced(other)
    instrumentor.uninstrument_app(app)
    assert not is_traced(app)


def test_options_of_an_application_win(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    own = Telemetry()
    app = make_app()
    instrumentor.instrument(excluded_urls="never", **telemetry.providers)
    instrumentor.instrument_app(app, excluded_urls="/nothing", request_hook=_name_it("own"), **own.providers)
    assert is_traced(app)
    assert own.span().name == "own"
    assert len(telemetry.spans) == 0
    instrumentor.uninstrument_app(app)


def test_options_do_not_outlive_uninstrument(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    app = make_app()
    instrumentor.instrument(request_hook=_name_it("hooked"), excluded_urls="x", **telemetry.providers)
    instrumentor.uninstrument()
    instrumentor.instrument(**telemetry.providers)
    app.test_client().get("/?x")
    assert telemetry.span().name == "GET /"


def test_saying_so_when_there_is_nothing_to_do(
    instrumentor: FlaskInstrumentor, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()
    with caplog.at_level(logging.WARNING):
        instrumentor.instrument_app(app, **telemetry.providers)
        assert caplog.messages == []
        instrumentor.instrument_app(app, **telemetry.providers)
        assert len(caplog.messages) == 1
        instrumentor.uninstrument_app(app)
        instrumentor.uninstrument_app(app)
        assert len(caplog.messages) == 2


def test_instrumented_while_a_request_runs(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    """Both directions in the middle of a request: the answer is the same, and the next request is right."""
    app = make_app()

    @app.route("/on")
    def on() -> str:
        instrumentor.instrument(**telemetry.providers)
        return "on"

    @app.route("/off")
    def off() -> str:
        instrumentor.uninstrument()
        return "off"

    client = app.test_client()
    assert client.get("/on").get_data() == b"on"
    assert is_traced(app)
    assert client.get("/off").get_data() == b"off"
    assert not is_traced(app)
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert all(point.value == 0 for point in telemetry.points("http.server.active_requests"))


@pytest.mark.parametrize("raises", [False, True], ids=["answers", "raises"])
def test_a_span_ends_though_its_view_uninstruments(
    raises: bool, instrumentor: FlaskInstrumentor, telemetry: Telemetry
) -> None:
    app = make_app()
    app.config["PROPAGATE_EXCEPTIONS"] = True

    @app.route("/off")
    def off() -> str:
        instrumentor.uninstrument()
        if raises:
            raise ValueError("late")
        return "off"

    instrumentor.instrument(**telemetry.providers)
    with pytest.raises(ValueError, match="late") if raises else contextlib.nullcontext():
        app.test_client().get("/off")
    assert trace.get_current_span() is trace.INVALID_SPAN
    span = telemetry.span()
    assert (span.name, [event.name for event in span.events]) == ("GET /off", ["exception"] * raises)


def _name_it(name: str) -> Any:
    def hook(span: trace.Span, environ: dict[str, Any]) -> None:
        span.update_name(name)

    return hook
