"""What a view raises reaches whom it would reach without instrumentation."""

from __future__ import annotations

import flask
import pytest
from opentelemetry import trace
from otel_rs_instr_flask import FlaskInstrumentor

from support.telemetry import Telemetry


class OwnBaseException(BaseException):
    """Neither an Exception nor one of Python's own."""


def make_app(exception: BaseException) -> flask.Flask:
    app = flask.Flask("exceptions")
    app.config["PROPAGATE_EXCEPTIONS"] = True

    @app.route("/")
    def index() -> str:
        raise exception

    return app


@pytest.mark.parametrize(
    "exception",
    [
        SystemExit(3),
        KeyboardInterrupt(),
        GeneratorExit(),
        OwnBaseException("own"),
        ValueError("value"),
        StopIteration(),
    ],
    ids=lambda exception: type(exception).__name__,
)
def test_the_same_exception_object_comes_out(
    exception: BaseException, instrumentor: FlaskInstrumentor, telemetry: Telemetry
) -> None:
    instrumentor.instrument(**telemetry.providers)
    with pytest.raises(type(exception)) as raised:
        make_app(exception).test_client().get("/")
    assert raised.value is exception
    assert exception.__context__ is None
    span = telemetry.span()
    assert span.name == "GET /"
    assert [event.name for event in span.events] == (["exception"] if isinstance(exception, Exception) else [])
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert all(point.value == 0 for point in telemetry.points("http.server.active_requests"))


def test_an_exception_that_cannot_be_shown(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    class Unshowable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

        __repr__ = __str__

    instrumentor.instrument(**telemetry.providers)
    exception = Unshowable()
    with pytest.raises(Unshowable) as raised:
        make_app(exception).test_client().get("/")
    assert raised.value is exception
    assert len(telemetry.spans) == 1
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_an_error_response_comes_out_unchanged(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    app = make_app(ValueError("\udcff lone surrogate"))
    app.config["PROPAGATE_EXCEPTIONS"] = False
    bare = app.test_client().get("/")
    instrumentor.instrument(**telemetry.providers)
    response = app.test_client().get("/")
    assert (response.status, response.get_data(), list(response.headers)) == (
        bare.status,
        bare.get_data(),
        list(bare.headers),
    )
    assert len(telemetry.spans) == 1
