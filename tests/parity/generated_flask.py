"""The Flask application that generated requests are sent to, instrumented in one of several ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
from opentelemetry import baggage, trace
from werkzeug.middleware.proxy_fix import ProxyFix

from parity.bench import Bench

SHAPES = ("instrument", "instrument-app", "proxy-fix-after", "proxy-fix-before", "outer-span", "hooks", "excluded")
PATHS = [
    "/", "/user/1", "/user/23", "/user/x", "/files/a/b", "/files/\u00e9", "/redirect", "/slash", "/slash/", "/nowhere",
    "/raise", "/handled", "/abort/404", "/abort/500", "/status/299", "/stream", "/shop/t1/cart", "/", "//", "/user/-1",
    "/child", "/child", "/big", "/nowhere/%41", "/excluded/1", "/baggage",
]  # fmt: skip
# Its status has no reason.
BARE_STATUS = "/status/bare"


def application(bench: Bench, shape: str, current: dict[str, int]) -> Any:
    """The application; ``current`` has the number of the case that is being sent."""
    app = _instrumented(bench, shape)
    _add_routes(app, bench, current)
    return app


def _instrumented(bench: Bench, shape: str) -> Any:
    """An application without routes, instrumented as ``shape`` says."""
    if shape in ("instrument-app", "proxy-fix-before"):
        app: Any = flask.Flask("generated")
        if shape == "proxy-fix-before":
            app.wsgi_app = ProxyFix(app.wsgi_app)
        bench.instrument_app(app)
        return app
    options: dict[str, Any] = {}
    if shape == "hooks":
        options = {"request_hook": _request_hook, "response_hook": _response_hook}
    elif shape == "excluded":
        options = {"excluded_urls": "/excluded/,[?]excluded"}
    bench.instrument(**options)
    app = flask.Flask("generated")
    if shape == "proxy-fix-after":
        app.wsgi_app = ProxyFix(app.wsgi_app)
    return app


def _request_hook(span: trace.Span, environ: dict[str, Any]) -> None:
    span.set_attribute("hook", environ.get("REQUEST_METHOD", ""))


def _response_hook(span: trace.Span | None, status: str, headers: list[tuple[str, str]]) -> None:
    if span is not None:
        span.set_attribute("hook.status", status)
    headers.append(("X-Hook", "1"))


def _add_routes(app: flask.Flask, bench: Bench, current: dict[str, int]) -> None:
    @app.before_request
    def mark() -> None:
        trace.get_current_span().set_attribute("test.case", current["number"])

    def view(rule: str, **options: Any) -> Callable[[Any], Any]:
        return app.route(rule, methods=["GET", "POST", "HEAD", "QUERY", "BREW"], **options)

    @view("/")
    @view("/user/<int:user_id>")
    @view("/excluded/<name>")
    def plain(**values: Any) -> str:
        return f"{flask.request.endpoint} {values} {flask.request.scheme} {flask.request.remote_addr}"

    @view("/files/<path:path>")
    def files(path: str) -> str:
        return path

    @view("/redirect")
    def redirect() -> Any:
        return flask.redirect("/")

    @view("/slash/")
    def slash() -> str:
        return "slash"

    @view("/raise")
    def fail() -> str:
        raise ValueError(f"case {current['number']}")

    @view("/handled")
    def handled() -> str:
        raise KeyError("handled")

    @app.errorhandler(KeyError)
    def handler(error: KeyError) -> tuple[str, int]:
        return "handled", 409

    @view("/abort/<int:code>")
    def abort(code: int) -> str:
        flask.abort(code)

    @view("/status/<status>")
    def status(status: str) -> Any:
        # A status without a reason reaches start_response as it is.
        return _BareStatus() if status == "bare" else ("body", f"{status} Odd")

    @view("/stream")
    def stream() -> flask.Response:
        return flask.Response(iter(["one ", "two"]))

    @view("/child")
    def child() -> str:
        with bench.tracer().start_as_current_span("child", attributes={"test.case": current["number"]}):
            return "child"

    @view("/baggage")
    def bag() -> str:
        trace.get_current_span().set_attribute("test.baggage", repr(sorted(baggage.get_all().items())))
        return "baggage"

    @view("/big")
    def big() -> str:
        return "x" * 100_000

    shop = flask.Blueprint("shop", __name__, url_prefix="/shop/<tenant>")

    @shop.route("/cart")
    def cart(tenant: str) -> str:
        return tenant

    app.register_blueprint(shop)


class _BareStatus(flask.Response):
    """A response whose status line is ``200``, without a reason."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        start_response("200", [("Content-Type", "text/plain")])
        return [b"bare"]
