"""What else of OpenTelemetry is set up in the process, and what the application itself does with its context."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flask
from opentelemetry import context, propagate, trace
from opentelemetry.instrumentation import propagators
from opentelemetry.instrumentation.utils import suppress_http_instrumentation, suppress_instrumentation
from opentelemetry.propagators.textmap import Getter, Setter, TextMapPropagator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from parity.bench import Bench

_TRACE = 0x0AF7651916CD43DD8448EB211C80319C
_REMOTE = SpanContext(_TRACE, 0xB7AD6B7169203331, True, TraceFlags(1))
_TAGS = "SQLCOMMENTER_ORM_TAGS_AND_VALUES"


def _app(bench: Bench) -> Any:
    app = flask.Flask("surroundings")

    @app.route("/", endpoint="home")
    @app.route("/user/<name>", endpoint="user")
    def view(name: str = "") -> str:
        bench.note_parentage()
        return name

    return app


class _Propagator(TextMapPropagator):
    """Takes the parent from a header of its own; ``x-broken`` makes it raise."""

    def extract(self, carrier: Any, context: Any = None, getter: Getter[Any] = None) -> Any:  # type: ignore[assignment]
        if getter.get(carrier, "x-parent"):
            return trace.set_span_in_context(NonRecordingSpan(_REMOTE), context)
        return context if context is not None else trace.set_span_in_context(trace.INVALID_SPAN)

    def inject(self, carrier: Any, context: Any = None, setter: Setter[Any] = None) -> None:  # type: ignore[assignment]
        setter.set(carrier, "x-parent", "1")

    @property
    def fields(self) -> set[str]:
        return {"x-parent"}


@contextmanager
def _textmap(propagator: TextMapPropagator) -> Iterator[None]:
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(propagator)
    try:
        yield
    finally:
        propagate.set_global_textmap(before)


def custom_propagator(bench: Bench) -> None:
    """A global propagator of the user's own."""
    bench.instrument()
    app = _app(bench)
    with _textmap(_Propagator()):
        bench.request(app, headers={"X-Parent": "1"})
        bench.request(app, headers={"traceparent": f"00-{_TRACE:032x}-b7ad6b7169203331-01"})


def response_propagator(bench: Bench) -> None:
    """A global response propagator adds headers to the answer."""
    bench.instrument()
    app = _app(bench)
    set_propagator: Any = propagators.set_global_response_propagator
    set_propagator(propagators.TraceResponsePropagator())
    try:
        answer = bench.request(app)
        for header in answer["headers"]:
            if header[0] == "traceresponse":
                bench.note(len(header[1]))
                header[1] = "…"
    finally:
        set_propagator(None)


def sql_commenter(bench: Bench) -> None:
    """The tags for SQL comments, all and some and none."""
    for options in (
        {},
        {"commenter_options": {"framework": False}},
        {"commenter_options": {"controller": False, "route": False}},
        {"enable_commenter": False},
    ):
        bench.instrument(**options)
        app = flask.Flask("commenter")

        @app.route("/user/<name>", endpoint="user")
        def view(name: str) -> str:
            bench.note(context.get_value(_TAGS))
            return name

        bench.request(app, "/user/ann")
        bench.note(["after", context.get_value(_TAGS)])
        bench.uninstrument()


def suppressed(bench: Bench) -> None:
    """Instrumentation is suppressed around the request."""
    bench.instrument()
    app = _app(bench)
    with suppress_instrumentation():
        bench.request(app)
    with suppress_http_instrumentation():
        bench.request(app)


def remote_span_is_current(bench: Bench) -> None:
    """Another instrumentation has made a remote parent current."""
    bench.instrument()
    app = _app(bench)
    with trace.use_span(NonRecordingSpan(_REMOTE)):
        bench.request(app)
    with trace.use_span(NonRecordingSpan(trace.INVALID_SPAN_CONTEXT)):
        bench.request(app)
    with trace.use_span(trace.INVALID_SPAN):
        bench.request(app)


def other_context_values(bench: Bench) -> None:
    """Values in the context around the request, as the view and the code after it see them."""
    bench.instrument()
    app = flask.Flask("values")

    @app.route("/")
    def view() -> str:
        bench.note(context.get_value("around"))
        context.attach(context.set_value("left", "by the view"))
        return "view"

    token = context.attach(context.set_value("around", "there"))
    bench.request(app)
    bench.note([context.get_value("around"), context.get_value("left")])
    with bench.tracer().start_as_current_span("outer"):
        bench.request(app)
        bench.note([context.get_value("around"), trace.get_current_span().is_recording()])
    context.detach(token)


def other_thread(bench: Bench) -> None:
    """A thread of the view's with a copy of the request context."""
    bench.instrument()
    app = flask.Flask("threads")

    @app.route("/")
    def view() -> str:
        seen: list[Any] = []

        @flask.copy_current_request_context
        def work() -> None:
            seen.append([flask.request.path, trace.get_current_span().is_recording()])
            with bench.tracer().start_as_current_span("thread"):
                pass

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        bench.note([*seen, trace.get_current_span().is_recording()])
        return "view"

    bench.request(app)


def mounted(bench: Bench) -> None:
    """Two applications under one dispatcher."""
    bench.instrument()
    front, back = _app(bench), _app(bench)
    front.wsgi_app = DispatcherMiddleware(front.wsgi_app, {"/back": back})
    bench.request(front, "/back/user/ann")
    bench.request(front, "/user/bob")


def called_without_the_application(bench: Bench) -> None:
    """A server that was given ``app.wsgi_app``."""
    bench.instrument()
    bench.request(_app(bench).wsgi_app, "/user/ann")


def preprocessed_by_hand(bench: Bench) -> None:
    """A test runs ``preprocess_request`` in a context that it pushed itself."""
    bench.instrument()
    app = _app(bench)
    with app.test_request_context("/user/ann"):
        app.preprocess_request()
        bench.note(trace.get_current_span().is_recording())
    bench.note(trace.get_current_span() is trace.INVALID_SPAN)


def status_set_by_the_view(bench: Bench) -> None:
    """OK wins over what comes later."""
    bench.instrument()
    app = flask.Flask("status")

    @app.route("/<int:code>")
    def view(code: int) -> str:
        trace.get_current_span().set_status(trace.StatusCode.OK)
        flask.abort(code)

    bench.request(app, "/404")
    bench.request(app, "/503")


def ended_by_the_view(bench: Bench) -> None:
    """The view ends the span that is not its own."""
    bench.instrument()
    app = flask.Flask("ended")

    @app.route("/")
    def view() -> str:
        trace.get_current_span().end()
        return "view"

    bench.request(app)


def file_response(bench: Bench) -> None:
    """``send_file`` with a file wrapper of the server's."""
    bench.instrument()
    app = flask.Flask("files")

    class FileWrapper:
        def __init__(self, file: Any, size: int = 8192) -> None:
            self.file, self.size = file, size

        def __iter__(self) -> Iterator[bytes]:
            while chunk := self.file.read(self.size):
                yield chunk

        def close(self) -> None:
            self.file.close()

    @app.route("/")
    def view() -> flask.Response:
        return flask.send_file(__file__, mimetype="text/plain", etag=False, last_modified=0)

    answer = bench.request(app, overrides={"wsgi.file_wrapper": FileWrapper})
    bench.note(len(answer["body"]) > 1000)
    answer["headers"] = [header for header in answer["headers"] if header[0] != "Date"]
