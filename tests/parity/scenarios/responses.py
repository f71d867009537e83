"""What the application answers."""

from __future__ import annotations

import flask
from werkzeug.wrappers import Response

from parity.bench import Bench


def _app() -> flask.Flask:
    app = flask.Flask("responses")

    @app.route("/")
    def index() -> str:
        return "index"

    @app.route("/user/<int:user_id>")
    def user(user_id: int) -> str:
        return f"user {user_id}"

    @app.route("/redirect")
    def redirect() -> Response:
        return flask.redirect("/user/1")

    @app.route("/slash/")
    def slash() -> str:
        return "slash"

    @app.route("/made", methods=["POST"])
    def made() -> tuple[str, int]:
        return "made", 201

    @app.route("/empty")
    def empty() -> tuple[str, int]:
        return "", 204

    @app.route("/status/<path:status>")
    def status(status: str) -> Response:
        response = Response("body")
        response.status = status
        return response

    @app.route("/abort/<int:code>")
    def abort(code: int) -> str:
        flask.abort(code)

    return app


def ok(bench: Bench) -> None:
    """200, with and without a variable in the route."""
    bench.instrument()
    app = _app()
    bench.request(app)
    bench.request(app, "/user/7")
    bench.request(app, "/user/8")


def redirects(bench: Bench) -> None:
    """A redirect of the view's and one of the router's."""
    bench.instrument()
    app = _app()
    bench.request(app, "/redirect")
    bench.request(app, "/slash")


def success_without_body(bench: Bench) -> None:
    """201 and 204."""
    bench.instrument()
    app = _app()
    bench.request(app, "/made", method="POST")
    bench.request(app, "/empty")


def not_found_and_not_allowed(bench: Bench) -> None:
    """Werkzeug's own 404 and 405 pages."""
    bench.instrument()
    app = _app()
    bench.request(app, "/nowhere")
    bench.request(app, "/user/seven")
    bench.request(app, "/made")


def aborts(bench: Bench) -> None:
    """``flask.abort``."""
    bench.instrument()
    app = _app()
    for code in (400, 404, 418, 500, 503):
        bench.request(app, f"/abort/{code}")


def odd_statuses(bench: Bench) -> None:
    """Codes out of the ordinary, all with a reason: stock fails without one."""
    bench.instrument()
    app = _app()
    for status in ("299 Odd", "099 Low", "600 High", "200 Two Words"):
        bench.request(app, f"/status/{status}")


def methods(bench: Bench) -> None:
    """HEAD, OPTIONS, and methods that nobody knows."""
    bench.instrument()
    app = _app()
    for method in ("HEAD", "OPTIONS", "get", "BREW", "QUERY", "PROPFIND", "_OTHER", " GET", ""):
        bench.request(app, method=method)
        bench.request(app, "/nowhere", method=method)


def all_methods_captured(bench: Bench) -> None:
    """OTEL_PYTHON_INSTRUMENTATION_HTTP_CAPTURE_ALL_METHODS."""
    bench.set_variable("OTEL_PYTHON_INSTRUMENTATION_HTTP_CAPTURE_ALL_METHODS", "1")
    bench.instrument()
    app = _app()
    for method in ("BREW", "brew", "get"):
        bench.request(app, method=method)
        bench.request(app, "/nowhere", method=method)


def queries(bench: Bench) -> None:
    """Query strings."""
    bench.instrument()
    app = _app()
    for query in ("a=1&b=2", "q=%C3%A9+x", "sig=secret", "?", "a=\u00e9"):
        bench.request(app, "/user/1", query=query)


def before_request_answers(bench: Bench) -> None:
    """A ``before_request`` function answers in the view's place."""
    bench.instrument()
    app = _app()

    @app.before_request
    def guard() -> tuple[str, int] | None:
        return ("stop", 403) if flask.request.args.get("stop") else None

    bench.request(app, "/user/1", query="stop=1")
    bench.request(app, "/user/1")
    bench.request(app, "/nowhere", query="stop=1")


def blueprints(bench: Bench) -> None:
    """Routes of nested blueprints with prefixes and functions of their own."""
    bench.instrument()
    outer = flask.Blueprint("outer", __name__, url_prefix="/outer/<tenant>")
    inner = flask.Blueprint("inner", __name__, url_prefix="/inner")

    @inner.before_request
    def before() -> None:
        bench.note(["before", flask.request.endpoint])

    @inner.route("/<name>")
    def view(tenant: str, name: str) -> str:
        return f"{tenant}/{name}"

    outer.register_blueprint(inner)
    app = flask.Flask("blueprints")
    app.register_blueprint(outer)
    bench.request(app, "/outer/t1/inner/n1")
    bench.request(app, "/outer/t1/inner")


def captured_headers(bench: Bench) -> None:
    """Request and response headers as attributes, by regular expression, sensitive ones redacted."""
    prefix = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_"
    bench.set_variable(prefix + "SERVER_REQUEST", "x-one, X-TWO.*,accept")
    bench.set_variable(prefix + "SERVER_RESPONSE", "content-type,x-.*")
    bench.set_variable(prefix + "SANITIZE_FIELDS", ".*secret.*")
    bench.instrument()
    app = flask.Flask("headers")

    @app.route("/")
    def view() -> Response:
        response = Response("body")
        response.headers.add("X-Many", "1")
        response.headers.add("X-Many", "2")
        response.headers["X-Secret-Token"] = "response secret"
        return response

    headers = {"X-One": "1", "x-two-more": "2", "X-TWO-SECRET": "request secret", "X-Oneself": "no", "Accept": "*/*"}
    bench.request(app, headers=headers)
    with bench.tracer().start_as_current_span("outer"):
        bench.request(app, headers=headers)


def user_agents(bench: Bench) -> None:
    """Synthetic traffic."""
    bench.instrument()
    app = _app()
    for agent in ("curl/8", "Mozilla/5.0 (compatible; Googlebot/2.1)", "AlwaysOn bingbot", ""):
        bench.request(app, headers={"User-Agent": agent})
