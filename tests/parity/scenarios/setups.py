"""How an application is instrumented."""

from __future__ import annotations

from typing import Any

import flask
from opentelemetry import trace
from werkzeug.middleware.proxy_fix import ProxyFix

from parity.bench import Bench

_FORWARDED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example:8443"}


def _app() -> Any:
    app = flask.Flask("setups")

    @app.route("/")
    def index() -> str:
        return f"{flask.request.scheme} {flask.request.host} {flask.request.remote_addr}"

    @app.route("/skip/<name>")
    def skip(name: str) -> str:
        return f"{name} {trace.get_current_span().is_recording()}"

    return app


def proxy_fix_on_an_instrumented_application(bench: Bench) -> None:
    """``ProxyFix(app.wsgi_app)``, put on after ``instrument()``."""
    bench.instrument()
    app = _app()
    app.wsgi_app = ProxyFix(app.wsgi_app, x_host=1)
    bench.request(app, headers=_FORWARDED)
    bench.request(app)


def proxy_fix_before_instrument_app(bench: Bench) -> None:
    """``ProxyFix`` was there when ``instrument_app`` came."""
    app = _app()
    app.wsgi_app = ProxyFix(app.wsgi_app, x_host=1)
    bench.instrument_app(app)
    bench.request(app, headers=_FORWARDED)
    bench.request(app)


def instrument_app(bench: Bench) -> None:
    """One application is instrumented, another is not."""
    app, other = _app(), _app()
    bench.instrument_app(app)
    bench.request(app)
    bench.request(other)


def instrument_app_twice(bench: Bench) -> None:
    """The second time changes nothing."""
    app = _app()
    bench.instrument_app(app)
    bench.instrument_app(app)
    bench.request(app)


def uninstrument_app(bench: Bench) -> None:
    """An application is bare again. (Stock fails on one that was instrumented with all.)"""
    app = _app()
    bench.instrument_app(app)
    bench.request(app)
    bench.uninstrument_app(app)
    bench.request(app)


def excluded_urls(bench: Bench) -> None:
    """URLs that are not traced, by option."""
    bench.instrument(excluded_urls="skip/.*,query=no")
    app = _app()
    bench.request(app)
    bench.request(app, "/skip/me")
    bench.request(app, query="query=no")
    bench.request(app, "/nowhere/skip/x")


def excluded_urls_of_the_environment(bench: Bench) -> None:
    """OTEL_PYTHON_FLASK_EXCLUDED_URLS, which the worker sets to ``excluded-by-variable``; an option wins over it."""
    bench.instrument()
    app = _app()
    bench.request(app, "/skip/excluded-by-variable")
    own = _app()
    bench.request(own, "/skip/me")


def hooks(bench: Bench) -> None:
    """Request and response hooks see and change what they should."""

    def request_hook(span: trace.Span, environ: dict[str, Any]) -> None:
        bench.note(["request hook", environ["PATH_INFO"], span.is_recording()])
        if span.is_recording():
            span.update_name("named by hook")
            span.set_attribute("hook", "request")
            span.set_attribute("http.scheme", "hooked")

    def response_hook(span: trace.Span | None, status: str, headers: list[tuple[str, str]]) -> None:
        bench.note(["response hook", status, sorted(name for name, _ in headers)])
        if span is not None:
            span.set_attribute("hook.response", status)
        headers.append(("X-Hook", "added"))

    bench.instrument(request_hook=request_hook, response_hook=response_hook)
    app = _app()
    bench.request(app)
    bench.request(app, "/nowhere")


def hooks_of_one_application(bench: Bench) -> None:
    """``instrument_app`` takes hooks too."""
    app = _app()
    bench.instrument_app(
        app,
        request_hook=lambda span, environ: span.set_attribute("hook", "app"),
        response_hook=lambda span, status, headers: span.set_attribute("status", status),
    )
    bench.request(app)


def test_client(bench: Bench) -> None:
    """Flask's own test client, with and without a ``with`` block that keeps the context."""
    bench.instrument()
    app = _app()
    bench.note(app.test_client().get("/").get_data(as_text=True))
    with app.test_client() as client:
        bench.note(client.get("/?a=1").get_data(as_text=True))
        bench.note(client.get("/skip/x").get_data(as_text=True))


def middleware_of_the_users(bench: Bench) -> None:
    """A middleware outside changes environ and status."""
    bench.instrument()
    app = _app()
    inner = app.wsgi_app

    def middleware(environ: dict[str, Any], start_response: Any) -> Any:
        environ["REMOTE_ADDR"] = "198.51.100.7"
        return inner(environ, lambda status, headers, exc_info=None: start_response("299 Changed", headers, exc_info))

    app.wsgi_app = middleware
    bench.request(app)


def subclass(bench: Bench) -> None:
    """A subclass of ``flask.Flask`` made after ``instrument()``."""
    bench.instrument()

    class Shop(flask.Flask):
        def full_dispatch_request(self, *args: Any) -> flask.Response:
            bench.note("own dispatch")
            return super().full_dispatch_request(*args)

    app = Shop("shop")

    @app.route("/")
    def index() -> str:
        return "shop"

    bench.request(app)
