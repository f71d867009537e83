"""The methods in the place of Flask's pass for them, and go with what other libraries have put there."""

from __future__ import annotations

import doctest
import functools
import inspect
import sys
import weakref
from typing import Any
from unittest import mock

import flask
import flask.app
import pytest
import wrapt
from otel_rs_instr_flask import FlaskInstrumentor

from parity.wsgi_client import call, environ
from support.functions import observe
from support.telemetry import Telemetry

METHODS = ("__call__", "wsgi_app", "full_dispatch_request", "preprocess_request", "do_teardown_request")


class Shop(flask.Flask):
    """Calls the method that it overrides."""

    def wsgi_app(self, environ: Any, start_response: Any) -> Any:
        return super().wsgi_app(environ, start_response)


def make_app(kind: type[flask.Flask] = flask.Flask) -> flask.Flask:
    app = kind("app")
    app.add_url_rule("/", view_func=lambda: "real")
    return app


@pytest.fixture
def instrumented(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> FlaskInstrumentor:
    instrumentor.instrument(**telemetry.providers)
    return instrumentor


@pytest.mark.parametrize("name", METHODS)
def test_tools_see_what_they_see_without(name: str, instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    original = getattr(flask.Flask, name)
    without = observe(original, lambda: original)
    instrumentor.instrument(**telemetry.providers)
    method = getattr(flask.Flask, name)
    assert method is not original
    assert observe(method, lambda: getattr(flask.Flask, name)) == without


def test_a_class_shows_the_same_members(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    def members() -> Any:
        kinds = {attribute.name: attribute.kind for attribute in inspect.classify_class_attrs(flask.Flask)}
        functions = dict(inspect.getmembers(flask.Flask, inspect.isfunction))
        tests = doctest.DocTestFinder(exclude_empty=False).find(flask.Flask, "Flask", flask.app)
        found = [(test.name, test.lineno) for test in tests if "_is_instrumented" not in test.name]
        del kinds["_is_instrumented_by_opentelemetry"]
        return kinds, functions, found

    flask.Flask._is_instrumented_by_opentelemetry = None  # type: ignore[attr-defined]
    without = members()
    del flask.Flask._is_instrumented_by_opentelemetry  # type: ignore[attr-defined]
    instrumentor.instrument(**telemetry.providers)
    assert members() == without


@pytest.mark.parametrize("kind", [flask.Flask, Shop])
def test_a_mocked_method_is_given_the_receiver(
    kind: type[flask.Flask], instrumented: FlaskInstrumentor, telemetry: Telemetry
) -> None:
    app, ours = make_app(kind), flask.Flask.full_dispatch_request
    with mock.patch.object(kind, "full_dispatch_request", autospec=True) as mocked:
        mocked.return_value = flask.Response("mocked")
        assert app.test_client().get("/").get_data() == b"mocked"
    assert mocked.call_args == mock.call(app)
    with mock.patch("flask.Flask.preprocess_request", autospec=True, return_value="answered"):
        assert app.test_client().get("/").get_data() == b"answered"
    assert flask.Flask.full_dispatch_request is ours
    assert app.test_client().get("/").get_data() == b"real"


def test_a_specification_of_the_class(instrumented: FlaskInstrumentor) -> None:
    app: Any = mock.create_autospec(flask.Flask)("name")
    app.wsgi_app({}, "start_response")
    assert app.wsgi_app.call_args == mock.call({}, "start_response")
    with pytest.raises(TypeError):
        app.wsgi_app()


def test_a_bound_method_is_one(instrumented: FlaskInstrumentor) -> None:
    app = make_app()
    method = app.wsgi_app
    assert inspect.ismethod(method)
    assert (method, hash(method)) == (app.wsgi_app, hash(app.wsgi_app))
    assert list(inspect.signature(method).parameters) == ["environ", "start_response"]
    held = weakref.WeakMethod(method)
    assert held() == method


@wrapt.decorator
def theirs(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    """As the wrappers of other vendors' agents, which want the instance and the arguments apart."""
    if isinstance(instance, flask.Flask):
        seen.append((wrapped.__name__, len(args) + len(kwargs)))
    return wrapped(*args, **kwargs)


class Binds:
    """A descriptor with a manner of its own; it cannot be called before it is bound."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            return functools.partial(self.call)
        return functools.partial(self.call, instance)

    def call(self, instance: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append((self.function.__name__, len(args) + len(kwargs)))
        return self.function(instance, *args, **kwargs)


seen: list[Any] = []


@pytest.fixture(params=[theirs, Binds, functools.partialmethod])
def _wrapped_by_others(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has wrapped all the methods before us."""
    for name in METHODS:
        monkeypatch.setattr(flask.Flask, name, request.param(vars(flask.Flask)[name]))
    seen.clear()


@pytest.mark.usefixtures("_wrapped_by_others")
def test_others_wrappers_are_called_as_without(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    def requests() -> Any:
        seen.clear()
        app = make_app()
        answers = [app.test_client().get("/").get_data() for app in (app, make_app(Shop))]
        answers.append(call(app.wsgi_app, environ())["body"])
        answers.append(call(lambda *args: flask.Flask.wsgi_app(app, *args), environ())["body"])
        answers.append(call(lambda environ, start: app.wsgi_app(environ, start_response=start), environ())["body"])
        return answers, list(seen)

    class_before = dict(vars(flask.Flask))
    without = requests()
    instrumentor.instrument(**telemetry.providers)
    assert requests() == without
    assert [span.name for span in telemetry.spans] == ["GET /"] * 5
    held = make_app().wsgi_app
    instrumentor.uninstrument()
    assert requests() == without
    assert call(held, environ())["status"] == "200 OK"
    assert len(telemetry.spans) == 5
    assert [name for name, value in class_before.items() if vars(flask.Flask)[name] is not value] == []


def test_others_may_wrap_ours(
    instrumented: FlaskInstrumentor, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in METHODS:
        monkeypatch.setattr(flask.Flask, name, theirs(vars(flask.Flask)[name]))
    seen.clear()
    assert make_app().test_client().get("/").get_data() == b"real"
    assert len(seen) == len(METHODS)
    assert telemetry.span().name == "GET /"


def test_no_frame_is_added(instrumented: FlaskInstrumentor) -> None:
    def names() -> list[str]:
        frame, names = sys._getframe(), []
        while frame.f_back is not None and frame.f_code.co_name != "test_no_frame_is_added":
            names.append(frame.f_code.co_name)
            frame = frame.f_back
        return names

    app = flask.Flask("app")
    app.add_url_rule("/", view_func=lambda: {"names": names()})
    client = app.test_client()
    with_it = client.get("/").get_json()
    instrumented.uninstrument()
    assert with_it == client.get("/").get_json()
