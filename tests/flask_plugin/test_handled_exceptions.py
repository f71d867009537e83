"""``OTEL_RS_FLASK_HANDLED_EXCEPTIONS``: the exception behind a 5xx that the application has answered itself."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest
from otel_rs_instr_flask import FlaskInstrumentor
from werkzeug.exceptions import ServiceUnavailable

from parity.wsgi_client import call, environ
from support.telemetry import Telemetry

VARIABLE = "OTEL_RS_FLASK_HANDLED_EXCEPTIONS"


@pytest.fixture(autouse=True)
def handled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "true")


class OutOfStock(Exception):
    """What the applications raise."""


def failing(error: Exception, kind: type[flask.Flask] = flask.Flask) -> flask.Flask:
    """An application whose only view raises."""
    app = kind("api")

    @app.route("/")
    def view() -> str:
        raise error

    return app


def by_errorhandler() -> flask.Flask:
    app = failing(OutOfStock("no more"))
    app.errorhandler(Exception)(lambda error: ({"error": str(error)}, 500))
    return app


def by_a_stream() -> flask.Flask:
    app = failing(OutOfStock("no more"))

    def answer(error: Exception) -> flask.Response:
        def body() -> Iterator[str]:
            yield "no"

        return flask.Response(body(), 503)

    app.register_error_handler(OutOfStock, answer)
    return app


def before_the_view() -> flask.Flask:
    app = failing(AssertionError("is not called"))

    @app.before_request
    def check() -> None:
        raise OutOfStock("no more")

    app.register_error_handler(OutOfStock, lambda error: ("no", 502))
    return app


def by_the_instance() -> flask.Flask:
    """As extensions do that have error handlers of their own."""
    app = failing(OutOfStock("no more"))
    app.handle_user_exception = lambda error: app.make_response(("no", 500))  # type: ignore[assignment, method-assign]
    return app


def by_a_subclass() -> flask.Flask:
    class App(flask.Flask):
        def dispatch_request(self, *context: Any) -> Any:
            raise OutOfStock("no more")

        def handle_user_exception(self, *arguments: Any) -> Any:
            return "no", 500

    return failing(AssertionError("is not called"), App)


def by_a_handler_for_all_http_errors() -> flask.Flask:
    app = failing(ServiceUnavailable("later"))
    app.register_error_handler(ServiceUnavailable, lambda error: (str(error), 503))
    return app


def unhandled() -> flask.Flask:
    return failing(OutOfStock("no more"))


def by_a_handler_for_500() -> flask.Flask:
    app = failing(OutOfStock("no more"))
    app.register_error_handler(500, lambda error: (str(error.original_exception), 500))
    return app


def made_404() -> flask.Flask:
    app = failing(OutOfStock("no more"))
    app.register_error_handler(OutOfStock, lambda error: ("no such thing", 404))
    return app


def aborted() -> flask.Flask:
    return failing(ServiceUnavailable("later"))


def returned() -> flask.Flask:
    app = flask.Flask("api")
    app.add_url_rule("/", view_func=lambda: ("no", 500))
    return app


Make = Callable[[], flask.Flask]
RECORDED = {
    by_errorhandler: "OutOfStock",
    by_a_stream: "OutOfStock",
    before_the_view: "OutOfStock",
    by_the_instance: "OutOfStock",
    by_a_subclass: "OutOfStock",
    by_a_handler_for_all_http_errors: "ServiceUnavailable",
    unhandled: "OutOfStock",
    by_a_handler_for_500: "OutOfStock",
}


def exceptions(telemetry: Telemetry) -> list[str]:
    """The names of the recorded exceptions, without their modules."""
    return [str((event.attributes or {})["exception.type"]).rpartition(".")[2] for event in telemetry.span().events]


@pytest.mark.parametrize("make", RECORDED)
def test_what_is_recorded(make: Make, instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    instrumentor.instrument(**telemetry.providers)
    answer = call(make(), environ())
    assert str(answer["status"]).startswith("5")
    assert exceptions(telemetry) == [RECORDED[make]]
    status = telemetry.span().status
    assert status.status_code.name == "ERROR"
    assert str(status.description).startswith(RECORDED[make])


@pytest.mark.parametrize("make", [made_404, aborted, returned])
def test_what_is_not(make: Make, instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    instrumentor.instrument(**telemetry.providers)
    status = str(call(make(), environ())["status"])
    assert exceptions(telemetry) == []
    assert (telemetry.span().status.status_code.name == "ERROR") == status.startswith("5")


@pytest.mark.parametrize("make", [by_errorhandler, before_the_view, by_a_stream])
def test_nothing_by_default(
    make: Make, instrumentor: FlaskInstrumentor, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    instrumentor.instrument(**telemetry.providers)
    call(make(), environ())
    assert exceptions(telemetry) == []


def test_with_the_span_at_arrival(
    instrumentor: FlaskInstrumentor, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RS_FLASK_SPAN_AT_ARRIVAL", "true")
    instrumentor.instrument(**telemetry.providers)
    call(by_errorhandler(), environ())
    assert exceptions(telemetry) == ["OutOfStock"]


@pytest.mark.parametrize("make", [by_errorhandler, made_404])
def test_the_exception_is_not_kept(make: Make, instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    """Its frames have the environ, which has the request."""
    instrumentor.instrument(**telemetry.providers)
    kept = environ()
    app = make()
    raised: list[weakref.ref[BaseException]] = []

    def answer(error: Exception) -> tuple[str, int]:
        raised.append(weakref.ref(error))
        return "no", 500 if make is by_errorhandler else 404

    app.register_error_handler(OutOfStock, answer)
    app.view_functions["view"] = _raise
    call(app, kept)
    gc.collect()
    assert [reference() for reference in raised] == [None]


def _raise() -> str:
    raise OutOfStock("no more")
