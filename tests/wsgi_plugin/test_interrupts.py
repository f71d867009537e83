"""What is no ``Exception`` and arises in code of the user's that we call reaches the server, and ends the request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest
from opentelemetry import propagate
from opentelemetry.instrumentation import propagators
from otel_rs_instr_flask import FlaskInstrumentor
from otel_rs_instr_wsgi import OpenTelemetryMiddleware

from parity.wsgi_client import environ
from support.interrupts import Interrupt, Odd, OddMeterProvider, OddPropagator, OddProvider, assert_over, interrupt
from wsgi_plugin.expectations import start_response

Ask = Callable[..., list[bytes]]
Headers = list[tuple[str, Any]]


@pytest.fixture(params=["wsgi", "flask"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Sends a request to an application that is instrumented with these options."""
    instrumentor = FlaskInstrumentor()

    def ask(
        options: dict[str, Any],
        overrides: dict[str, Any] | None = None,
        headers: Headers | None = None,
        body: Any = None,
    ) -> list[bytes]:
        def application(environ: dict[str, Any], start_response: Any) -> Any:
            start_response("200 OK", headers or [])
            return body or [b"answer"]

        instrumented: Any
        if request.param == "wsgi":
            instrumented = OpenTelemetryMiddleware(application, **options)
        else:
            # What a view returns is called as an application.
            instrumented = flask.Flask("app")
            instrumented.add_url_rule("/", view_func=lambda: Response(application))
            instrumentor.instrument(**options)
        try:
            return list(instrumented(environ(overrides=overrides), start_response))
        finally:
            if request.param == "flask":
                instrumentor.uninstrument()

    return ask


class Response(flask.Response):
    """Answers as an application does."""

    def __init__(self, application: Any) -> None:
        super().__init__(iter(()))
        self._application = application

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self._application(environ, start_response)


PROVIDERS: dict[str, dict[str, Any]] = {
    "a provider": {"tracer_provider": OddProvider("get_tracer")},
    "a tracer": {"tracer_provider": OddProvider("start_span")},
    "an attribute": {"tracer_provider": OddProvider("set_attribute")},
    "the end": {"tracer_provider": OddProvider("end")},
    "a counter": {"meter_provider": OddMeterProvider("count")},
    "a duration": {"meter_provider": OddMeterProvider("measure")},
    "a request hook": {"request_hook": interrupt},
    "a response hook": {"response_hook": interrupt},
}


@pytest.mark.parametrize("options", PROVIDERS.values(), ids=PROVIDERS)
def test_options(options: dict[str, Any], ask: Ask) -> None:
    options = {"tracer_provider": OddProvider(), **options}
    with pytest.raises(Interrupt):
        ask(options)
    assert_over(options["tracer_provider"])


def test_values_of_an_environ(ask: Ask) -> None:
    provider = OddProvider()
    with pytest.raises(Interrupt):
        ask({"tracer_provider": provider}, {"REMOTE_ADDR": Odd()})
    assert_over(provider)


def test_request_headers(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST", ".*")
    provider = OddProvider()
    with pytest.raises(Interrupt):
        ask({"tracer_provider": provider}, {"HTTP_X_ODD": Odd()})
    assert_over(provider)


@pytest.mark.parametrize("header", [("x-odd", Odd()), (Odd(), "value")])
def test_response_headers(header: tuple[Any, Any], ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE", ".*")
    provider = OddProvider()
    with pytest.raises(Interrupt):
        ask({"tracer_provider": provider}, headers=[header])
    assert_over(provider)


def test_propagators(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = OddProvider()
    monkeypatch.setattr(propagate, "_HTTP_TEXT_FORMAT", OddPropagator())
    with pytest.raises(Interrupt):
        ask({"tracer_provider": provider})
    assert_over(provider)


@pytest.mark.parametrize("ask", ["flask"], indirect=True)
def test_response_propagators(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = OddProvider()
    monkeypatch.setattr(propagators, "_RESPONSE_PROPAGATOR", OddPropagator())
    with pytest.raises(Interrupt):
        ask({"tracer_provider": provider})
    assert_over(provider)


@pytest.mark.parametrize("raising", ["set_attribute", "end"])
def test_streams(raising: str, ask: Ask) -> None:
    provider = OddProvider(raising)
    with pytest.raises(Interrupt):
        ask({"tracer_provider": provider}, body=iter([b"one", b"two"]))
    assert_over(provider)


def test_the_application_is_not_called_any_more(ask: Ask) -> None:
    """An interrupt before it is called is not put off until it has answered."""
    called: list[str] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            called.append("body")
            return iter([b"answer"])

    for options in ({"meter_provider": OddMeterProvider("count")}, {"request_hook": interrupt}):
        with pytest.raises(Interrupt):
            ask({"tracer_provider": OddProvider(), **options}, body=Body())
    assert called == []
