"""``WsgiInstrumentor`` on real servers."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import flask
import pytest
from opentelemetry import trace
from otel_rs_instr_flask import FlaskInstrumentor
from otel_rs_instr_wsgi import OpenTelemetryMiddleware, WsgiInstrumentor

from parity.wsgi_client import call, environ
from support.http_client import get
from support.telemetry import Telemetry
from wsgi_plugin.expectations import ACTIVE, DURATION, assert_ended_once, assert_measured
from wsgi_plugin.servers import SERVERS, Serve, served

VARIABLE = "OTEL_RS_WSGI_SERVERS"
Instrument = Callable[..., None]


@pytest.fixture
def instrument(monkeypatch: pytest.MonkeyPatch, telemetry: Telemetry) -> Iterator[Instrument]:
    """Instruments the servers that are named."""
    instrumentor = WsgiInstrumentor()

    def instrument(names: str) -> None:
        monkeypatch.setenv(VARIABLE, names)
        instrumentor.instrument(**telemetry.providers)

    yield instrument
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


@pytest.fixture
def instrument_flask(telemetry: Telemetry) -> Iterator[None]:
    """Instruments Flask as well."""
    FlaskInstrumentor().instrument(**telemetry.providers)
    yield
    FlaskInstrumentor().uninstrument()


@pytest.fixture(params=sorted(SERVERS))
def server_name(request: pytest.FixtureRequest) -> str:
    """The name that the variable takes."""
    return str(request.param)


@pytest.fixture
def serve(server_name: str) -> Serve:
    """Runs the server with an application."""
    return SERVERS[server_name]


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Says whether a span is current, in one piece or as a stream."""
    path = environ["PATH_INFO"]
    start_response("404 Not Found" if path == "/missing" else "200 OK", [("Content-Type", "text/plain")])
    if path == "/file":
        return environ["wsgi.file_wrapper"](io.BytesIO(b"recording: True"))  # type: ignore[no-any-return]
    if path == "/stream":
        return (f"recording: {trace.get_current_span().is_recording()}".encode() for _ in range(1))
    return [f"recording: {trace.get_current_span().is_recording()}".encode()]


def make_flask() -> flask.Flask:
    app = flask.Flask("served")

    @app.route("/user/<int:user_id>")
    def user(user_id: int) -> str:
        return f"recording: {trace.get_current_span().is_recording()}"

    @app.route("/stream/<name>")
    def stream(name: str) -> flask.Response:
        return flask.Response(f"recording: {trace.get_current_span().is_recording()}" for _ in range(1))

    return app


def wait_until_measured(telemetry: Telemetry, requests: int) -> None:
    """The client may have its answer before the server has ended the request."""
    deadline = time.monotonic() + 60
    while sum(point.count for point in telemetry.points(DURATION)) < requests and time.monotonic() < deadline:
        time.sleep(0.01)
    assert_measured(telemetry, requests)


def test_one_server_span_for_each_request(
    server_name: str, serve: Serve, instrument: Instrument, telemetry: Telemetry
) -> None:
    instrument(server_name)
    paths = ["/a", "/missing", "/stream"]
    with serve(application) as port:
        for path in paths:
            assert get(port, path).body == b"recording: True"
        wait_until_measured(telemetry, 3)
    # One connection may be answered before the request of another has ended.
    spans = {span.name: span for span in telemetry.spans}
    assert spans.keys() == {f"GET {path}" for path in paths}
    assert {span.kind for span in telemetry.spans} == {trace.SpanKind.SERVER}
    statuses = [(spans[f"GET {path}"].attributes or {})["http.status_code"] for path in paths]
    assert statuses == [200, 404, 200]


@pytest.mark.parametrize("server_name", ["wsgiref", "waitress"])
def test_files_are_sent_by_the_server(
    server_name: str, serve: Serve, instrument: Instrument, telemetry: Telemetry
) -> None:
    """These two have a file wrapper."""
    instrument(server_name)
    with serve(application) as port:
        assert get(port, "/file").body == b"recording: True"
        wait_until_measured(telemetry, 1)
    assert telemetry.span().name == "GET /file"


def test_a_length_that_the_server_derives_is_kept(
    server_name: str, serve: Serve, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Servers set Content-Length for a body of one chunk."""
    with serve(application) as port:
        bare = get(port, "/a")
    instrument(server_name)
    with serve(application) as port:
        traced = get(port, "/a")
    assert traced.body == b"recording: True"
    assert ("Content-Length" in traced.headers) == ("Content-Length" in bare.headers)
    assert traced.headers.keys() == bare.headers.keys()


@pytest.mark.usefixtures("instrument_flask")
def test_flask_names_the_one_span(server_name: str, serve: Serve, instrument: Instrument, telemetry: Telemetry) -> None:
    instrument(server_name)
    with serve(make_flask()) as port:
        assert get(port, "/user/7", traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").status == 200
        assert get(port, "/stream/ann").body == b"recording: True"
        assert get(port, "/nowhere").status == 404
        wait_until_measured(telemetry, 3)
    spans = {span.name: span for span in telemetry.spans}
    assert spans.keys() == {"GET /user/<int:user_id>", "GET /stream/<name>", "GET /nowhere"}
    assert {span.kind for span in telemetry.spans} == {trace.SpanKind.SERVER}
    parent = spans["GET /user/<int:user_id>"].parent
    assert parent is not None
    assert parent.trace_id == 0x0AF7651916CD43DD8448EB211C80319C


def test_off_unless_named(server_name: str, serve: Serve, instrument: Instrument, telemetry: Telemetry) -> None:
    instrument(",".join({*SERVERS, "gunicorn"} - {server_name}))
    with serve(application) as port:
        assert get(port, "/").body == b"recording: False"
    assert telemetry.spans == ()
    assert telemetry.points(ACTIVE) == []


def test_uninstrumented_while_it_serves(
    server_name: str, serve: Serve, instrument: Instrument, telemetry: Telemetry
) -> None:
    instrument(server_name)
    with serve(application) as port:
        assert get(port, "/").body == b"recording: True"
        wait_until_measured(telemetry, 1)
        WsgiInstrumentor().uninstrument()
        assert get(port, "/").body == b"recording: False"
        instrument(server_name)
        assert get(port, "/").body == b"recording: True"
        wait_until_measured(telemetry, 2)
    WsgiInstrumentor().uninstrument()
    assert served(application) is application
    assert len(telemetry.spans) == 2


def test_without_the_variable(instrument: Instrument, telemetry: Telemetry) -> None:
    instrument("")
    assert served(application) is application


def test_names_are_taken_loosely(instrument: Instrument) -> None:
    instrument(" , WSGIREF ,gunicorn,")
    assert served(application) is not application


def test_an_unknown_name_is_said_once(
    instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            instrument(f"wsgiref,hypercorn-{telemetry.native}")
            WsgiInstrumentor().uninstrument()
    (record,) = [record for record in caplog.records if "hypercorn" in record.getMessage()]
    assert record.levelno == logging.WARNING
    assert VARIABLE in record.getMessage()
    assert "gunicorn, wsgiref, waitress, cheroot, werkzeug" in record.getMessage()
    assert "\n" not in record.getMessage()


class _OwnMiddleware(OpenTelemetryMiddleware):
    """Somebody's own."""


@pytest.mark.parametrize("middleware", [OpenTelemetryMiddleware, _OwnMiddleware])
def test_it_stands_aside_for_a_middleware(
    middleware: type[OpenTelemetryMiddleware], instrument: Instrument, telemetry: Telemetry
) -> None:
    instrument("wsgiref")
    wrapped: Any = middleware(application, **telemetry.providers)
    assert served(wrapped) is wrapped
    assert call(served(wrapped), environ())["body"] == "recording: True"
    assert_ended_once(telemetry)


def test_it_stands_aside_for_stocks_middleware(instrument: Instrument) -> None:
    stock = pytest.importorskip("opentelemetry.instrumentation.wsgi")

    class Own(stock.OpenTelemetryMiddleware):  # type: ignore[misc, name-defined]
        """Somebody's own."""

    instrument("wsgiref")
    for middleware in (stock.OpenTelemetryMiddleware, Own):
        wrapped = middleware(application)
        assert served(wrapped) is wrapped


def test_an_application_is_wrapped_once(instrument: Instrument, telemetry: Telemetry) -> None:
    instrument("wsgiref")
    wrapped = served(application)
    assert served(wrapped) is wrapped
    assert call(wrapped, environ())["body"] == "recording: True"
    assert_ended_once(telemetry)


def test_the_wrapped_application_shows_itself(instrument: Instrument) -> None:
    instrument("wsgiref")
    app = make_flask()
    wrapped = served(app)
    assert wrapped.__wrapped__ is app
    assert wrapped.url_map is app.url_map
    assert not hasattr(wrapped, "nothing")
    assert served(None) is None


def test_nothing_stays_in_the_environ(instrument: Instrument) -> None:
    instrument("wsgiref")
    request = environ()
    before = dict(request)
    call(served(application), request)
    assert request == before
