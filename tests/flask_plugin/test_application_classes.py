"""Subclasses of Flask that replace what the plugin wraps, besides what is compared with stock in ``parity``."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import flask
import pytest
from opentelemetry import context
from otel_rs_instr_flask import FlaskInstrumentor

from parity.wsgi_client import call, environ
from support.telemetry import Telemetry


def handle(app: Any, environ: Any, start_response: Any) -> Any:
    """What ``Flask.wsgi_app`` does, in short."""
    with app.request_context(environ):
        try:
            response = app.full_dispatch_request()
        except Exception as error:
            response = app.handle_exception(error)
        return response(environ, start_response)


def replaces_call() -> type[flask.Flask]:
    class App(flask.Flask):
        def __call__(self, environ: Any, start_response: Any) -> Any:
            return handle(self, environ, start_response)

    return App


def replaces_wsgi_app() -> type[flask.Flask]:
    class App(flask.Flask):
        def wsgi_app(self, environ: Any, start_response: Any) -> Any:
            return handle(self, environ, start_response)

    return App


def inherits_a_mixin() -> type[flask.Flask]:
    class Mixin:
        def wsgi_app(self, environ: Any, start_response: Any) -> Any:
            return handle(self, environ, start_response)

    class App(Mixin, flask.Flask):
        pass

    return App


def answers_after_the_request_context() -> type[flask.Flask]:
    class App(flask.Flask):
        def wsgi_app(self, environ: Any, start_response: Any) -> Any:
            with self.request_context(environ):
                try:
                    response = self.full_dispatch_request()
                except Exception as error:
                    response = self.handle_exception(error)
            return response(environ, start_response)

    return App


KINDS = [replaces_call, replaces_wsgi_app, inherits_a_mixin, answers_after_the_request_context]
Make = Callable[[], type[flask.Flask]]


def make_app(kind: type[flask.Flask]) -> flask.Flask:
    app = kind("own")
    app.add_url_rule("/item/<n>", "item", lambda n: str(1 // int(n)))
    app.add_url_rule("/stream", "stream", lambda: flask.Response(iter(["a", "b"])))
    return app


def assert_traced(app: flask.Flask, telemetry: Telemetry) -> None:
    """Each request has its span, with its status, and is counted once."""
    for path, name, status in (
        ("/item/1", "GET /item/<n>", 200),
        ("/item/0", "GET /item/<n>", 500),
        ("/stream", "GET /stream", 200),
        ("/nowhere", "GET /nowhere", 404),
    ):
        telemetry.clear()
        assert str(call(app, environ(path=path))["status"]).startswith(str(status))
        span = telemetry.span()
        assert span.attributes is not None
        assert (span.name, span.kind.name, span.attributes["http.status_code"]) == (name, "SERVER", status)
        assert context.get_current() == {}
    assert sum(point.count for point in telemetry.points("http.server.duration")) == 4
    assert {point.value for point in telemetry.points("http.server.active_requests")} == {0}


@pytest.mark.parametrize("make", KINDS)
def test_made_after_instrument(make: Make, instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    instrumentor.instrument(**telemetry.providers)
    assert_traced(make_app(make()), telemetry)


@pytest.mark.parametrize("make", KINDS)
def test_made_before_instrument(make: Make, instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    app = make_app(make())
    instrumentor.instrument(**telemetry.providers)
    assert_traced(app, telemetry)


@pytest.mark.parametrize("make", KINDS)
def test_instrumented_by_hand(make: Make, instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    app = make_app(make())
    instrumentor.instrument_app(app, **telemetry.providers)
    assert_traced(app, telemetry)
    instrumentor.uninstrument_app(app)
    telemetry.clear()
    call(app, environ(path="/item/1"))
    assert telemetry.spans == ()


@pytest.mark.parametrize("make", KINDS)
def test_bare_again_afterwards(make: Make, instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    kind = make()
    classes = kind.mro()[: kind.mro().index(flask.Flask)]

    def held() -> list[tuple[str, int]]:
        # A function and the one in its place are equal, but not the same.
        return [(name, id(value)) for each in classes for name, value in vars(each).items()]

    before = held()
    for _ in range(2):
        instrumentor.instrument(**telemetry.providers)
        app = make_app(kind)
        call(app, environ(path="/item/1"))
        assert held() != before
        instrumentor.uninstrument()
        assert held() == before
    telemetry.clear()
    call(app, environ(path="/item/1"))
    assert telemetry.spans == ()


@pytest.mark.parametrize("make", KINDS)
def test_a_class_that_is_no_longer_used_is_freed(
    make: Make, instrumentor: FlaskInstrumentor, telemetry: Telemetry
) -> None:
    instrumentor.instrument(**telemetry.providers)
    kind = make()
    call(make_app(kind), environ(path="/item/1"))
    freed = weakref.ref(kind)
    del kind
    gc.collect()
    assert freed() is None


def test_parts_of_a_batch(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    """``wsgi_app`` of the base class is called for requests of the application's own."""
    instrumentor.instrument(**telemetry.providers)

    class App(flask.Flask):
        def wsgi_app(self, environ: Any, start_response: Any) -> Any:
            if environ["PATH_INFO"] != "/batch":
                return super().wsgi_app(environ, start_response)
            for path in ("/item/1", "/item/0", "/stream"):
                parts.append(call(super().wsgi_app, globals()["environ"](path=path))["status"])
            start_response("204 No Content", [])
            return []

    parts: list[str] = []
    assert call(make_app(App), environ(path="/batch"))["status"] == "204 No Content"
    assert parts == ["200 OK", "500 INTERNAL SERVER ERROR", "200 OK"]
    found = [(span.name, span.attributes["http.status_code"]) for span in telemetry.spans if span.attributes]
    assert found == [("GET /item/<n>", 200), ("GET /item/<n>", 500), ("GET /stream", 200)]
    assert {point.value for point in telemetry.points("http.server.active_requests")} == {0}
