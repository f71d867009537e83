"""Flask applications."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import flask
from opentelemetry import trace

from parity.bench import Bench
from parity.wsgi_client import environ

# Taken before anything is instrumented, as ``from flask import Flask`` in an application's own module does.
_Flask = flask.Flask
BODY_SECONDS = 0.06


def _start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
    return lambda data: None


def _failing(*_: Any) -> None:
    raise RuntimeError("a hook failed")


def _app() -> flask.Flask:
    app = flask.Flask("beyond-stock")

    @app.route("/user/<name>")
    def user(name: str) -> str:
        return f"{name} {trace.get_current_span().is_recording()}"

    return app


def _streaming(bench: Bench, *, seconds: float = 0) -> flask.Flask:
    app = flask.Flask("streaming")

    def chunks() -> Iterator[str]:
        for number in range(2):
            with bench.tracer().start_as_current_span(f"chunk {number}"):
                time.sleep(seconds / 2)
                yield str(number)

    app.add_url_rule("/", view_func=lambda: flask.Response(chunks()))
    return app


def raising_request_hook(bench: Bench) -> None:
    """A request hook that raises."""
    bench.instrument(request_hook=_failing)
    bench.request(_app(), "/user/ann")


def raising_response_hook(bench: Bench) -> None:
    """A response hook that raises."""
    bench.instrument(response_hook=_failing)
    bench.request(_app(), "/user/ann")


def streamed_body(bench: Bench) -> None:
    """Spans made while the body is sent."""
    bench.instrument()
    bench.request(_streaming(bench))


def slow_body(bench: Bench) -> None:
    """A body that takes its time."""
    bench.instrument()
    bench.request(_streaming(bench, seconds=BODY_SECONDS))


def closed_before_iteration(bench: Bench) -> None:
    """The client is gone before the first chunk."""
    bench.instrument()
    response = _streaming(bench)(environ(), _start_response)
    time.sleep(BODY_SECONDS)
    response.close()  # type: ignore[attr-defined]


def active_requests_of_a_stream(bench: Bench) -> None:
    """Metrics exported between two chunks."""
    bench.instrument()
    response = iter(_streaming(bench)(environ(), _start_response))
    next(response)
    bench.export_metrics()
    list(response)


def status_without_a_reason(bench: Bench) -> None:
    """A status of three digits."""

    class BareStatus(flask.Response):
        def __call__(self, environ: Any, start_response: Any) -> Any:
            start_response("503", [("Content-Type", "text/plain")])
            return [b"answer"]

    bench.instrument()
    app = flask.Flask("status")
    app.add_url_rule("/", view_func=lambda: BareStatus())
    bench.request(app)


def odd_ports(bench: Bench) -> None:
    """Ports that are no numbers."""
    bench.instrument()
    app = _app()
    for port in ("http", "80x"):
        bench.request(app, "/user/ann", overrides={"SERVER_PORT": port})


def missing_keys(bench: Bench) -> None:
    """Environs that lack what a URL is made of."""
    bench.instrument()
    app = _app()
    for missing in ("SERVER_NAME", "SERVER_PORT"):
        overrides = dict.fromkeys(("RAW_URI", "REQUEST_URI", "HTTP_HOST", missing))
        bench.request(app, "/user/ann", overrides=overrides)


def earlier_before_request_answers(bench: Bench) -> None:
    """The application has a ``before_request`` function when it is instrumented."""
    app = _app()

    @app.before_request
    def maintenance() -> tuple[str, int]:
        return "closed", 503

    bench.instrument_app(app)
    bench.request(app, "/user/ann")


def made_before_instrument(bench: Bench) -> None:
    """The application is there when ``instrument()`` comes."""
    app = _app()
    bench.instrument()
    bench.request(app, "/user/ann")


def imported_before_instrument(bench: Bench) -> None:
    """The class was imported before ``instrument()``, by name."""
    bench.instrument()
    app = _Flask("imported")
    app.add_url_rule("/", view_func=lambda: "answer")
    bench.request(app)


def used_after_uninstrument(bench: Bench) -> None:
    """The application was made in between."""
    bench.instrument()
    app = _app()
    bench.uninstrument()
    bench.request(app, "/user/ann")


def left_after_uninstrument(bench: Bench) -> None:
    """What is left on the application and its class."""
    before = set(vars(flask.Flask))
    bench.instrument()
    app = _app()
    bench.uninstrument()
    bench.note(sorted(name for name in vars(app) if "opentelemetry" in name))
    bench.note(len(app.before_request_funcs) + len(app.teardown_request_funcs))
    bench.note(set(vars(flask.Flask)) == before)


def instrumented_again_without_hooks(bench: Bench) -> None:
    """The options of the first ``instrument()`` were for that one."""
    bench.instrument(request_hook=lambda span, environ: span.update_name("old hook"))
    bench.uninstrument()
    bench.instrument()
    bench.request(_app(), "/user/ann")
