"""Whatever is in the environ: the client's answer is that of the bare application, and one span comes of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from otel_rs_instr_wsgi import OpenTelemetryMiddleware

from flask_plugin.test_environs import OBJECTS, TEXT_KEYS, anything
from parity.wsgi_client import Application, call, environ
from support.examples import examples
from support.telemetry import Telemetry

environs = st.fixed_dictionaries({}, optional=dict.fromkeys(TEXT_KEYS, anything))
Instrumented = tuple[Application, Telemetry]


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Tells what it was asked."""
    start_response("200 OK", [("X-Method", repr(environ.get("REQUEST_METHOD")))])
    return [repr(sorted((key, value) for key, value in environ.items() if key in TEXT_KEYS)).encode("utf-8", "replace")]


@pytest.fixture(scope="module", params=[("", False), ("http", True), ("http/dup", False), ("http/dup", True)], ids=repr)
def instrumented(request: pytest.FixtureRequest) -> Iterator[Instrumented]:
    opt_in, native = request.param
    telemetry = Telemetry(native=native)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "OTEL_SEMCONV_STABILITY_OPT_IN", opt_in)
        patch.setitem(os.environ, "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST", "x-captured")
        wrapped: Any = OpenTelemetryMiddleware(application, **telemetry.providers)
        yield wrapped, telemetry


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(overrides=environs)
def test_the_answer_is_that_of_the_bare_application(instrumented: Instrumented, overrides: dict[str, Any]) -> None:
    wrapped, telemetry = instrumented
    telemetry.clear()
    expected = call(application, environ(overrides=overrides))
    assert call(wrapped, environ(overrides=overrides)) == expected
    assert trace.get_current_span() is trace.INVALID_SPAN
    if "HTTP_TRACEPARENT" not in overrides:
        assert len(telemetry.spans) == 1


@settings(max_examples=examples(100), deadline=None)
@given(
    status=st.one_of(anything, st.from_regex(r"[0-9]{3}( .*)?", fullmatch=True)),
    headers=st.one_of(anything, st.lists(st.one_of(anything, st.tuples(anything, anything)))),
)
def test_any_start_of_a_response(instrumented: Instrumented, status: Any, headers: Any) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status, headers)
        return []

    _, telemetry = instrumented
    telemetry.clear()
    passed: list[Any] = []
    wrapped: Any = OpenTelemetryMiddleware(application, **telemetry.providers)
    assert list(wrapped(environ(), lambda *arguments: passed.append(arguments))) == []
    ((passed_status, passed_headers),) = passed
    assert passed_status is status
    assert passed_headers is headers
    assert len(telemetry.spans) == 1


def test_many_objects_in_one_environ(instrumented: Instrumented) -> None:
    wrapped, _ = instrumented
    for value in OBJECTS:
        overrides = dict.fromkeys(TEXT_KEYS, value)
        assert call(wrapped, environ(overrides=overrides)) == call(application, environ(overrides=overrides)), value


def test_odd_keys(instrumented: Instrumented) -> None:
    wrapped, telemetry = instrumented
    telemetry.clear()
    request: dict[Any, Any] = environ()
    request |= {7: "seven", None: "none", ("HTTP_X",): 1, b"HTTP_X_CAPTURED": b"x"}
    assert call(wrapped, request)["status"] == "200 OK"
    assert len(telemetry.spans) == 1


def test_no_request_is_counted_for_ever(instrumented: Instrumented) -> None:
    _, telemetry = instrumented
    assert {point.value for point in telemetry.points("http.server.active_requests")} <= {0}
