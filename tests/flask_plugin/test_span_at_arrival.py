"""``OTEL_RS_FLASK_SPAN_AT_ARRIVAL``: what Flask does before and after the view is inside of the request's span."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest
from flask.sessions import SecureCookieSessionInterface
from opentelemetry import context, trace
from otel_rs_instr_flask import FlaskInstrumentor
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter

from parity.wsgi_client import call, environ
from support.telemetry import Telemetry

VARIABLE = "OTEL_RS_FLASK_SPAN_AT_ARRIVAL"
Step = Callable[[str], None]


@pytest.fixture(autouse=True)
def at_arrival(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "true")


def make_app(telemetry: Telemetry) -> flask.Flask:
    """An application that makes a span wherever Flask lets it."""
    tracer = telemetry.tracer_provider.get_tracer("app")

    def step(name: str) -> None:
        tracer.start_span(name).end()

    class Sessions(SecureCookieSessionInterface):
        def open_session(self, app: Any, request: Any) -> Any:
            step("open session")
            if request.path == "/locked":
                raise PermissionError("locked")
            return super().open_session(app, request)

        def save_session(self, *arguments: Any) -> None:
            step("save session")
            super().save_session(*arguments)

    class Known(BaseConverter):
        def to_python(self, value: str) -> str:
            step("look up")
            return value

    app = flask.Flask("arrivals")
    app.secret_key = "-"
    app.session_interface = Sessions()
    app.url_map.converters["known"] = Known
    app.add_url_rule("/page/<known:name>", "page", lambda name: name)
    app.add_url_rule("/fail/<known:n>", "fail", lambda n: str(1 // int(n)))

    @app.route("/stream")
    def stream() -> flask.Response:
        def body() -> Iterator[str]:
            for number in range(2):
                step(f"chunk {number}")
                yield flask.request.path

        return flask.Response(flask.stream_with_context(body()))

    app.before_request(lambda: step("before"))
    app.teardown_request(lambda error: step("tear down request"))
    app.teardown_appcontext(lambda error: step("tear down application"))
    for name in ("request_started", "request_finished", "request_tearing_down", "appcontext_tearing_down"):
        getattr(flask, name).connect(lambda sender, name=name, **_: step(name), app, weak=False)
    return app


def outside(telemetry: Telemetry) -> list[str]:
    """The spans whose parent is not the request's."""
    (request,) = [span for span in telemetry.spans if span.kind is trace.SpanKind.SERVER]
    assert request.context is not None
    inside = request.context.span_id
    return [
        span.name
        for span in telemetry.spans
        if span is not request and (span.parent is None or span.parent.span_id != inside)
    ]


def request_span(telemetry: Telemetry) -> Any:
    (span,) = [span for span in telemetry.spans if span.kind is trace.SpanKind.SERVER]
    return span


PATHS = ["/page/x", "/fail/0", "/stream", "/nowhere", "/locked"]


@pytest.mark.parametrize("path", PATHS)
def test_everything_is_inside(path: str, instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    instrumentor.instrument(**telemetry.providers)
    app = make_app(telemetry)
    call(app, environ(path=path))
    assert outside(telemetry) == []
    names = {span.name for span in telemetry.spans}
    assert {"open session", "tear down request", "tear down application", "request_tearing_down"} <= names
    assert telemetry.spans[-1] == request_span(telemetry), "it ends last"
    assert context.get_current() == {}
    assert [point.value for point in telemetry.points("http.server.active_requests")] == [0]


@pytest.mark.parametrize("path", PATHS[:4])
def test_the_span_is_the_same_but_for_its_start(
    path: str, instrumentor: FlaskInstrumentor, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for value in ("false", "true"):
        monkeypatch.setenv(VARIABLE, value)
        with Telemetry() as telemetry:
            instrumentor.instrument(**telemetry.providers)
            call(make_app(telemetry), environ(path=path))
            instrumentor.uninstrument()
            span = request_span(telemetry)
            events = [(event.name, event.attributes["exception.type"]) for event in span.events]
            status = (span.status.status_code, span.status.description)
            found.append((span.name, dict(span.attributes), status, events, telemetry.points("http.server.duration")))
    (*bare, durations), (*early, its_durations) = found
    assert early == bare
    assert [point.attributes for point in its_durations] == [point.attributes for point in durations]


def test_a_failure_before_the_view(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    instrumentor.instrument(**telemetry.providers)
    assert str(call(make_app(telemetry), environ(path="/locked"))["status"]).startswith("500")
    span = request_span(telemetry)
    assert span.name == "GET /locked"
    assert [event.attributes["exception.type"] for event in span.events] == ["PermissionError"]


def test_what_is_excluded(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    instrumentor.instrument(excluded_urls="^/page,q=1$", **telemetry.providers)
    app = make_app(telemetry)
    for path, query in (("/page/x", ""), ("/stream", "q=1"), ("/stream", "")):
        call(app, environ(path=path, query=query))
    assert request_span(telemetry).name == "GET /stream"


def test_the_name_at_the_start_and_what_a_hook_sees(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    seen = []

    class Spy:
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            if span.kind is trace.SpanKind.SERVER:
                seen.append((span.name, "http.route" in span.attributes))

        def __getattr__(self, name: str) -> Any:
            return lambda *arguments: None

    def hook(span: Any, environ: dict[str, Any]) -> None:
        seen.append((span.name, span.attributes["http.route"]))
        assert trace.get_current_span() is span

    instrumentor.instrument(request_hook=hook, **telemetry.providers)
    telemetry.tracer_provider.add_span_processor(Spy())
    call(make_app(telemetry), environ(path="/page/x"))
    assert seen == [("GET", False), ("GET /page/<known:name>", "/page/<known:name>")]


def test_an_application_in_a_middleware(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    """The span starts around it, and shows what it has made of the request."""
    app = make_app(telemetry)
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    instrumentor.instrument_app(app, **telemetry.providers)
    call(app, environ(path="/page/x", headers={"X-Forwarded-Proto": "https"}))
    instrumentor.uninstrument_app(app)
    assert request_span(telemetry).attributes["http.scheme"] == "https"
    assert outside(telemetry) == []


def test_another_value_is_named_in_one_line(
    instrumentor: FlaskInstrumentor,
    telemetry: Telemetry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(VARIABLE, "yes")
    with caplog.at_level(logging.WARNING):
        instrumentor.instrument(**telemetry.providers)
        call(make_app(telemetry), environ(path="/page/x"))
    assert "open session" in outside(telemetry)
    # The line is logged once for the life of the process, by whichever parameter runs first.
    lines = [record.getMessage() for record in caplog.records if VARIABLE in record.getMessage()]
    assert lines in ([], [f"otel-rs: {VARIABLE} is 'yes': expected true or false; false is used"])
