"""Whatever is in the environ: the client's answer is that of the bare application, and a span comes of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import flask
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from otel_rs_instr_flask import FlaskInstrumentor
from werkzeug.exceptions import HTTPException

from parity.wsgi_client import call, environ
from support.examples import examples
from support.telemetry import Telemetry

TEXT_KEYS = (
    "REQUEST_METHOD",
    "SCRIPT_NAME",
    "PATH_INFO",
    "QUERY_STRING",
    "RAW_URI",
    "REQUEST_URI",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "REMOTE_HOST",
    "HTTP_HOST",
    "HTTP_USER_AGENT",
    "HTTP_TRACEPARENT",
    "HTTP_TRACESTATE",
    "HTTP_BAGGAGE",
    "HTTP_X_CAPTURED",
    "wsgi.url_scheme",
)
OBJECTS = (None, 7, 0, -1, 2**70, 1.5, True, b"bytes \xff", ["list"], {"a": 1}, object(), "\udcff", "\U0010ffff")

latin_1 = st.text(st.characters(max_codepoint=255), max_size=40)
likely = st.sampled_from(
    (
        "",
        "0",
        "80",
        " 81 ",
        "x",
        "GET",
        "post",
        "HTTP/1.1",
        "https",
        "/",
        "/user/1",
        "/user/x",
        "//",
        "[::1",
        "a=b;c,d=%",
    )
)
anything = st.one_of(likely, latin_1, st.text(max_size=20), st.sampled_from(OBJECTS))
environs = st.fixed_dictionaries({}, optional=dict.fromkeys(TEXT_KEYS, anything))


def make_app() -> flask.Flask:
    app = flask.Flask("environs")

    @app.route("/", methods=["GET", "POST", "HEAD", "OPTIONS"])
    @app.route("/user/<int:user_id>")
    def index(user_id: int = 0) -> str:
        return str(user_id)

    @app.errorhandler(HTTPException)
    def handle(error: HTTPException) -> tuple[str, int]:
        return error.name, error.code or 500

    return app


@pytest.fixture(scope="module", params=[("", False), ("http/dup", False), ("http/dup", True)], ids=repr)
def instrumented(request: pytest.FixtureRequest) -> Iterator[tuple[flask.Flask, Telemetry]]:
    opt_in, native = request.param
    variables = {
        "OTEL_SEMCONV_STABILITY_OPT_IN": opt_in,
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": "x-captured",
    }
    telemetry, app = Telemetry(native=native), make_app()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setitem(os.environ, name, value)
        FlaskInstrumentor().instrument_app(app, **telemetry.providers)
    yield app, telemetry
    FlaskInstrumentor().uninstrument_app(app)


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(overrides=environs)
def test_the_answer_is_that_of_the_bare_application(
    instrumented: tuple[flask.Flask, Telemetry], overrides: dict[str, Any]
) -> None:
    app, telemetry = instrumented
    telemetry.clear()
    expected = call(make_app(), environ(overrides=overrides))
    actual = call(app, environ(overrides=overrides))
    assert actual == expected
    assert trace.get_current_span() is trace.INVALID_SPAN
    # A request that Flask cannot make a context of, or push one, has no span, and neither has one that is not sampled.
    assert len(telemetry.spans) <= 1
    if expected["raised"] is None and expected["status"][:3] != "500" and "HTTP_TRACEPARENT" not in overrides:
        assert len(telemetry.spans) == 1


@settings(max_examples=examples(100), deadline=None)
@given(
    traceparent=st.from_regex(r"[ \t]*[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?[ \t]*", fullmatch=True),
    tracestate=st.one_of(latin_1, st.from_regex(r"([a-z][a-z0-9]{0,9}=[!-+]{1,9},){0,40}", fullmatch=True)),
    baggage=st.one_of(latin_1, st.from_regex(r"([a-z]{1,5}=[!-+]{0,9}(;p)?,?){0,200}", fullmatch=True)),
)
def test_propagation_headers_do_no_harm(
    instrumented: tuple[flask.Flask, Telemetry], traceparent: str, tracestate: str, baggage: str
) -> None:
    app, _ = instrumented
    headers = {"traceparent": traceparent, "tracestate": tracestate, "baggage": baggage}
    assert call(app, environ(headers=headers))["status"] == "200 OK"
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_what_a_client_sends_is_not_logged_in_full(
    instrumented: tuple[flask.Flask, Telemetry], caplog: pytest.LogCaptureFixture
) -> None:
    app, _ = instrumented
    secret = "s3cret" * 3000
    headers = {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "?" * 40 + secret,
        "baggage": "?" * 40 + secret,
    }
    for _ in range(3):
        assert call(app, environ(headers=headers))["status"] == "200 OK"
    assert "s3cret" not in caplog.text
    assert len(caplog.text) < 2000


def test_many_objects_in_one_environ(instrumented: tuple[flask.Flask, Telemetry]) -> None:
    app, _ = instrumented
    for value in OBJECTS:
        overrides = {key: value for key in TEXT_KEYS if key not in ("REQUEST_METHOD", "PATH_INFO", "wsgi.url_scheme")}
        assert call(app, environ(overrides=overrides)) == call(make_app(), environ(overrides=overrides)), value
