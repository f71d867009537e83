"""What goes wrong in the application."""

from __future__ import annotations

import flask
from werkzeug.exceptions import HTTPException

from parity.bench import Bench


class _OwnError(Exception):
    pass


def _app(**config: bool) -> flask.Flask:
    app = flask.Flask("errors")
    app.config.update(config)

    @app.route("/value")
    def value() -> str:
        raise ValueError("no such value")

    @app.route("/chained")
    def chained() -> str:
        try:
            return str(1 // 0)
        except ZeroDivisionError as error:
            raise _OwnError("chained \u00e9") from error

    @app.route("/exit")
    def leave() -> str:
        raise SystemExit(3)

    @app.route("/interrupt")
    def interrupt() -> str:
        raise KeyboardInterrupt

    return app


def raising_view(bench: Bench) -> None:
    """An exception that Flask turns into a 500."""
    bench.instrument()
    app = _app()
    bench.request(app, "/value")
    bench.request(app, "/chained")


def propagated(bench: Bench) -> None:
    """An exception that leaves the application."""
    bench.instrument()
    app = _app(PROPAGATE_EXCEPTIONS=True)
    bench.request(app, "/value")
    bench.request(app, "/chained")


def testing(bench: Bench) -> None:
    """TESTING lets exceptions through as well."""
    bench.instrument()
    bench.request(_app(TESTING=True), "/value")


def handled(bench: Bench) -> None:
    """An ``errorhandler`` of the exception, of all exceptions, of a code."""
    bench.instrument()
    app = _app()

    @app.errorhandler(_OwnError)
    def own(error: _OwnError) -> tuple[str, int]:
        return f"handled {error}", 422

    @app.errorhandler(500)
    def broken(error: HTTPException) -> tuple[str, int]:
        return "custom 500", 500

    @app.errorhandler(404)
    def missing(error: HTTPException) -> tuple[str, int]:
        return "custom 404", 404

    bench.request(app, "/chained")
    bench.request(app, "/value")
    bench.request(app, "/nowhere")


def raising_handler(bench: Bench) -> None:
    """An ``errorhandler`` that raises."""
    bench.instrument()
    app = _app()

    @app.errorhandler(_OwnError)
    def own(error: _OwnError) -> str:
        raise RuntimeError("handler")

    bench.request(app, "/chained")


def raising_before_request(bench: Bench) -> None:
    """A ``before_request`` function that raises."""
    bench.instrument()
    app = _app()

    @app.before_request
    def before() -> None:
        raise RuntimeError("before")

    bench.request(app, "/value")


def raising_after_request(bench: Bench) -> None:
    """An ``after_request`` function that raises."""
    bench.instrument()
    app = _app()

    @app.after_request
    def after(response: flask.Response) -> flask.Response:
        raise RuntimeError("after")

    bench.request(app, "/nowhere")


def raising_teardown(bench: Bench) -> None:
    """A ``teardown_request`` function that raises."""
    bench.instrument()
    app = _app()

    @app.route("/")
    def index() -> str:
        return "index"

    @app.teardown_request
    def teardown(error: BaseException | None) -> None:
        raise RuntimeError("teardown")

    bench.request(app)


def base_exceptions(bench: Bench) -> None:
    """SystemExit and KeyboardInterrupt pass through."""
    bench.instrument()
    app = _app()
    bench.request(app, "/exit")
    bench.request(app, "/interrupt")


def teardown_sees_the_exception(bench: Bench) -> None:
    """What teardown functions are given, with and without an exception."""
    bench.instrument()
    app = _app()

    @app.teardown_request
    def teardown(error: BaseException | None) -> None:
        bench.note(repr(error))

    bench.request(app, "/value")
    bench.request(app, "/nowhere")
