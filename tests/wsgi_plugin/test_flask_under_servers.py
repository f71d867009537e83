"""Flask under ``WsgiInstrumentor``: one server span and one duration between the two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from otel_rs_instr_flask import FlaskInstrumentor
from otel_rs_instr_wsgi import OpenTelemetryMiddleware, WsgiInstrumentor
from werkzeug.middleware.proxy_fix import ProxyFix

from parity.wsgi_client import call, environ
from support.telemetry import Telemetry
from wsgi_plugin.expectations import (
    ACTIVE,
    DURATION,
    assert_ended_once,
    assert_measured,
    assert_running,
    event_names,
    start_response,
)
from wsgi_plugin.servers import served

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NEW_DURATION = "http.server.request.duration"

Instrument = Callable[..., None]


@pytest.fixture
def instrument(monkeypatch: pytest.MonkeyPatch, telemetry: Telemetry) -> Iterator[Instrument]:
    """Instruments the servers and Flask; the options are Flask's."""
    monkeypatch.setenv("OTEL_RS_WSGI_SERVERS", "wsgiref")

    def instrument(*, servers: bool = True, **options: Any) -> None:
        if servers:
            WsgiInstrumentor().instrument(**telemetry.providers)
        FlaskInstrumentor().instrument(**options, **telemetry.providers)

    yield instrument
    for instrumentor in (WsgiInstrumentor(), FlaskInstrumentor()):
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()


def make_app(telemetry: Telemetry, **config: bool) -> flask.Flask:
    """Views that make a span of their own."""
    app = flask.Flask("under-a-server")
    app.config.update(config)
    tracer: trace.Tracer = telemetry.tracer_provider.get_tracer("application")

    def child(name: str) -> str:
        with tracer.start_as_current_span(name):
            return name

    @app.route("/user/<name>")
    def user(name: str) -> str:
        return child(name)

    @app.route("/stream/<name>")
    def stream(name: str) -> flask.Response:
        return flask.Response(child(f"{name}{number}") for number in range(2))

    @app.route("/raise")
    def fail() -> str:
        raise ValueError("view")

    @app.route("/exit")
    def leave() -> str:
        raise SystemExit(3)

    @app.route("/body-raises")
    def body_raises() -> flask.Response:
        def body() -> Iterator[str]:
            yield "one"
            raise ValueError("body")

        return flask.Response(body())

    return app


def server_span(telemetry: Telemetry) -> ReadableSpan:
    (span,) = [span for span in telemetry.spans if span.kind is trace.SpanKind.SERVER]
    return span


def attributes(of: Any) -> dict[str, Any]:
    return dict(of.attributes or {})


def parents(telemetry: Telemetry) -> dict[str, int | None]:
    return {span.name: span.parent.span_id if span.parent else None for span in telemetry.spans}


def test_one_span_and_one_duration_with_the_route(
    instrument: Instrument, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "http/dup")
    instrument()
    app = served(make_app(telemetry))
    assert call(app, environ(path="/user/ann", headers={"traceparent": PARENT}))["body"] == "ann"
    child, span = telemetry.spans
    assert (span.name, span.kind) == ("GET /user/<name>", trace.SpanKind.SERVER)
    assert attributes(span)["http.route"] == "/user/<name>"
    assert (attributes(span)["http.status_code"], attributes(span)["http.response.status_code"]) == (200, 200)
    assert span.context is not None
    assert span.parent is not None
    assert child.parent is not None
    assert (span.parent.trace_id, child.parent.span_id) == (0x0AF7651916CD43DD8448EB211C80319C, span.context.span_id)
    (old,), (new,) = telemetry.points(DURATION), telemetry.points(NEW_DURATION)
    assert (old.count, new.count) == (1, 1)
    assert new.attributes["http.route"] == "/user/<name>"
    assert_measured(telemetry)


def test_metrics_are_those_of_flask_alone(instrument: Instrument, telemetry: Telemetry) -> None:
    """What the durations of the old convention say does not depend on who records them."""
    instrument()
    call(served(make_app(telemetry)), environ(path="/user/ann"))
    together = [attributes(point) for point in telemetry.points(DURATION)]
    alone = Telemetry()
    WsgiInstrumentor().uninstrument()
    FlaskInstrumentor().uninstrument()
    FlaskInstrumentor().instrument(**alone.providers)
    call(make_app(alone), environ(path="/user/ann"))
    assert together == [attributes(point) for point in alone.points(DURATION)]


def test_without_a_route(instrument: Instrument, telemetry: Telemetry) -> None:
    instrument()
    assert call(served(make_app(telemetry)), environ(path="/nowhere"))["status"] == "404 NOT FOUND"
    span = assert_ended_once(telemetry)
    assert span.name == "GET /nowhere"
    assert attributes(span)["http.status_code"] == 404


def test_hooks_of_flask_are_called(instrument: Instrument, telemetry: Telemetry) -> None:
    seen: list[Any] = []

    def request_hook(span: trace.Span, environ: dict[str, Any]) -> None:
        seen.append((span, environ["PATH_INFO"]))
        span.update_name("hooked")
        span.set_attribute("hook", "request")

    def response_hook(span: trace.Span, status: str, headers: list[tuple[str, str]]) -> None:
        seen.append((span, status))
        headers.append(("X-Hook", "1"))

    instrument(request_hook=request_hook, response_hook=response_hook)
    answer = call(served(make_app(telemetry)), environ(path="/user/ann"))
    assert ["X-Hook", "1"] in answer["headers"]
    span = server_span(telemetry)
    assert span.context is not None
    assert [(hooked.get_span_context().span_id, what) for hooked, what in seen] == [
        (span.context.span_id, "/user/ann"),
        (span.context.span_id, "200 OK"),
    ]
    assert span.name == "hooked"
    assert attributes(span)["hook"] == "request"


def test_hooks_of_flask_that_raise(instrument: Instrument, telemetry: Telemetry) -> None:
    def failing(*_: Any) -> None:
        raise RuntimeError("a hook failed")

    instrument(request_hook=failing, response_hook=failing)
    assert call(served(make_app(telemetry)), environ(path="/user/ann"))["body"] == "ann"
    assert server_span(telemetry).name == "GET /user/<name>"
    assert_measured(telemetry)


@pytest.mark.parametrize("path", ["/user/ann", "/stream/ann"])
def test_excluded_urls_of_flask_hold(path: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """No server span and no duration; spans inside are roots, in the chunks of a stream too."""
    instrument(excluded_urls="ann")
    app = served(make_app(telemetry))
    answer = call(app, environ(path=path, headers={"traceparent": PARENT}))
    assert answer["body"] in ("ann", "ann0ann1")
    assert {span.kind for span in telemetry.spans} == {trace.SpanKind.INTERNAL}
    assert set(parents(telemetry).values()) == {None}
    assert telemetry.points(DURATION) == []
    assert [point.value for point in telemetry.points(ACTIVE)] == [0]
    telemetry.clear()
    call(app, environ(path="/user/bob"))
    assert server_span(telemetry).name == "GET /user/<name>"


def test_a_stream(instrument: Instrument, telemetry: Telemetry) -> None:
    instrument()
    response = served(make_app(telemetry))(environ(path="/stream/ann"), start_response)
    assert_running(telemetry)
    assert [bytes(chunk) for chunk in response] == [b"ann0", b"ann1"]
    response.close()
    assert_measured(telemetry)
    span = server_span(telemetry)
    assert span.name == "GET /stream/<name>"
    assert span.context is not None
    parents_by_name = parents(telemetry)
    assert (parents_by_name["ann0"], parents_by_name["ann1"]) == (span.context.span_id, span.context.span_id)


def test_a_stream_that_nobody_reads(instrument: Instrument, telemetry: Telemetry) -> None:
    instrument()
    response = served(make_app(telemetry))(environ(path="/stream/ann"), start_response)
    response.close()
    assert assert_ended_once(telemetry).name == "GET /stream/<name>"


@pytest.mark.parametrize(
    ("path", "config", "raised"),
    [
        ("/raise", {}, None),
        ("/raise", {"PROPAGATE_EXCEPTIONS": True}, "builtins.ValueError: view"),
        ("/body-raises", {}, "builtins.ValueError: body"),
    ],
)
def test_an_error_is_recorded_once(
    path: str, config: dict[str, bool], raised: str | None, instrument: Instrument, telemetry: Telemetry
) -> None:
    instrument()
    answer = call(served(make_app(telemetry, **config)), environ(path=path))
    assert answer["raised"] == raised
    span = assert_ended_once(telemetry)
    assert span.name == f"GET {path}"
    assert event_names(span) == ["exception"]
    assert span.status.status_code is trace.StatusCode.ERROR


def test_a_base_exception(instrument: Instrument, telemetry: Telemetry) -> None:
    instrument()
    answer = call(served(make_app(telemetry)), environ(path="/exit"))
    assert answer["raised"] == "builtins.SystemExit: 3"
    span = assert_ended_once(telemetry)
    assert span.name == "GET /exit"
    assert event_names(span) == []


def test_a_middleware_between_the_two(instrument: Instrument, telemetry: Telemetry) -> None:
    instrument()
    app = make_app(telemetry)
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    assert call(served(app), environ(path="/user/ann", headers=headers))["body"] == "ann"
    assert server_span(telemetry).name == "GET /user/<name>"
    assert_measured(telemetry)


@pytest.mark.parametrize("servers", [True, False])
def test_flask_nests_under_an_explicit_middleware(servers: bool, instrument: Instrument, telemetry: Telemetry) -> None:
    """As stock does, whether the server is instrumented or not."""
    instrument(servers=servers)
    wrapped: Any = OpenTelemetryMiddleware(make_app(telemetry), **telemetry.providers)
    application = served(wrapped) if servers else wrapped
    assert application is wrapped
    assert call(application, environ(path="/user/ann", headers={"traceparent": PARENT}))["body"] == "ann"
    child, inner, outer = telemetry.spans
    assert (outer.name, outer.kind) == ("GET /user/ann", trace.SpanKind.SERVER)
    assert (inner.name, inner.kind) == ("GET /user/<name>", trace.SpanKind.INTERNAL)
    assert outer.context is not None
    assert inner.context is not None
    parents_by_name = parents(telemetry)
    assert parents_by_name[inner.name] == outer.context.span_id
    assert parents_by_name[child.name] == inner.context.span_id
    assert sum(point.count for point in telemetry.points(DURATION)) == 2


def test_an_application_that_is_not_instrumented(instrument: Instrument, telemetry: Telemetry) -> None:
    instrument()
    app = make_app(telemetry)
    FlaskInstrumentor().uninstrument_app(app)
    assert call(served(app), environ(path="/user/ann"))["body"] == "ann"
    assert server_span(telemetry).name == "GET /user/ann"
    assert_measured(telemetry)


def test_applications_one_in_another(instrument: Instrument, telemetry: Telemetry) -> None:
    """A view that calls another application with its own environ."""
    instrument()
    inner, outer = make_app(telemetry), flask.Flask("outer")

    @outer.route("/user/<name>", endpoint="pass_on")
    def view(name: str) -> str:
        return str(call(inner, environ(path=f"/user/{name}"))["body"])

    assert call(served(outer), environ(path="/user/ann"))["body"] == "ann"
    assert server_span(telemetry).name == "GET /user/<name>"
    names = sorted(span.name for span in telemetry.spans)
    assert names == ["GET /user/<name>", "GET /user/<name>", "ann"]


def test_uninstrumented_in_the_middle_of_a_request(instrument: Instrument, telemetry: Telemetry) -> None:
    instrument()
    app = flask.Flask("off")

    @app.route("/")
    def off() -> str:
        WsgiInstrumentor().uninstrument()
        FlaskInstrumentor().uninstrument()
        return "off"

    assert call(served(app), environ())["body"] == "off"
    assert len(telemetry.spans) == 1
    assert all(point.value == 0 for point in telemetry.points(ACTIVE))
    assert call(app, environ())["body"] == "off"
    assert len(telemetry.spans) == 1


@pytest.mark.parametrize("copied", [False, True], ids=["same environ", "copy of it"])
def test_request_contexts_that_a_view_pushes(copied: bool, instrument: Instrument, telemetry: Telemetry) -> None:
    """They are inside of the server's request, which keeps its name."""
    instrument()
    app = make_app(telemetry)

    @app.route("/batch")
    def batch() -> str:
        inner = dict(flask.request.environ) if copied else flask.request.environ
        inner["PATH_INFO"] = "/user/ann"
        with app.request_context(inner):
            return app.full_dispatch_request().get_data(as_text=True)

    assert call(served(app), environ(path="/batch"))["body"] == "ann"
    _, part, span = telemetry.spans
    assert (span.name, span.kind, attributes(span)["http.route"]) == ("GET /batch", trace.SpanKind.SERVER, "/batch")
    assert attributes(span)["http.status_code"] == 200
    assert (part.name, part.kind) == ("GET /user/<name>", trace.SpanKind.INTERNAL)
    assert parents(telemetry) == {
        "ann": part.context.span_id if part.context else None,
        "GET /user/<name>": span.context.span_id if span.context else None,
        "GET /batch": None,
    }
    assert_measured(telemetry)


def test_with_the_variables_for_flask(
    instrument: Instrument, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's span is there from the start, and gets the exception that Flask has answered."""
    monkeypatch.setenv("OTEL_RS_FLASK_SPAN_AT_ARRIVAL", "true")
    monkeypatch.setenv("OTEL_RS_FLASK_HANDLED_EXCEPTIONS", "true")
    instrument()
    app = make_app(telemetry)
    app.register_error_handler(ValueError, lambda error: (str(error), 503))
    assert call(served(app), environ(path="/raise"))["body"] == "view"
    span = server_span(telemetry)
    assert (span.name, event_names(span)) == ("GET /raise", ["exception"])
    assert len(telemetry.spans) == 1
