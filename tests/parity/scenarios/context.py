"""Parents, children and baggage."""

from __future__ import annotations

import flask
from opentelemetry import baggage, trace

from parity.bench import Bench

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


def _app(bench: Bench) -> flask.Flask:
    app = flask.Flask("context")

    @app.route("/")
    def index() -> str:
        context = trace.get_current_span().get_span_context()
        bench.note(["baggage", dict(baggage.get_all())])
        bench.note(["trace state", context.trace_state.to_header(), int(context.trace_flags), context.is_remote])
        with bench.tracer().start_as_current_span("child") as child:
            child.set_attribute("of", "view")
        return "index"

    return app


def remote_parent(bench: Bench) -> None:
    """A parent, a trace state and baggage from another process; and then a request without them."""
    bench.instrument()
    app = _app(bench)
    headers = {"traceparent": PARENT, "tracestate": "a=1, b=2", "baggage": "user=ann%20e;p=1, n=1,n=2"}
    bench.request(app, headers=headers)
    bench.request(app)
    bench.note(["baggage after", dict(baggage.get_all())])


def unsampled_parent(bench: Bench) -> None:
    """A parent that is not sampled."""
    bench.instrument()
    bench.request(_app(bench), headers={"traceparent": PARENT[:-2] + "00"})


def odd_parents(bench: Bench) -> None:
    """Parents that are not as they should be."""
    bench.instrument()
    app = _app(bench)
    for parent in (
        "",
        "garbage",
        f"ff-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01-more",
        f" 00-{TRACE}-{SPAN}-ff ",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
    ):
        bench.request(app, headers={"traceparent": parent})
    for state in ("A=1", "a=1,a=2", ",".join(f"k{i}=v" for i in range(33)), "a=1,", "x" * 9000):
        bench.request(app, headers={"traceparent": PARENT, "tracestate": state})
    for bag in ("no value", "a=1,,b=2", "x=" + "y" * 5000, "z" * 9000, ",".join(f"k{i}=v" for i in range(200))):
        bench.request(app, headers={"baggage": bag})


def outer_span(bench: Bench) -> None:
    """A span is current already: ours is INTERNAL, and the headers are not read."""
    bench.instrument()
    app = _app(bench)
    with bench.tracer().start_as_current_span("outer") as outer:
        bench.request(app, headers={"traceparent": PARENT, "baggage": "a=1"})
        bench.note(["current again", trace.get_current_span() is outer])
    bench.note(["nothing current", trace.get_current_span() is trace.INVALID_SPAN])


def context_is_left_as_found(bench: Bench) -> None:
    """Nothing stays current after a request, whatever happened in it."""
    bench.instrument()
    app = _app(bench)

    @app.route("/raise")
    def fail() -> str:
        raise ValueError("context")

    for path in ("/", "/raise", "/nowhere"):
        bench.request(app, path, headers={"traceparent": PARENT, "baggage": "a=1"})
        bench.note([path, trace.get_current_span() is trace.INVALID_SPAN, dict(baggage.get_all())])


def nested_applications(bench: Bench) -> None:
    """One application calls another in the same thread."""
    bench.instrument()
    inner = _app(bench)
    outer = flask.Flask("outer")

    @outer.route("/outer")
    def view() -> str:
        return str(inner.test_client().get("/").status_code)

    bench.request(outer, "/outer")


def user_changes_the_span(bench: Bench) -> None:
    """The view renames the span, adds to it, and sets its status."""
    bench.instrument()
    app = flask.Flask("changes")

    @app.route("/")
    def index() -> str:
        span = trace.get_current_span()
        bench.note(span.is_recording())
        span.update_name("renamed")
        span.set_attribute("http.scheme", "overwritten")
        span.set_attributes({"list": ["a", "b"], "number": 7, "float": 0.5, "flag": True})
        span.add_event("event", {"n": 1})
        span.set_status(trace.Status(trace.StatusCode.ERROR, "by hand"))
        return "index"

    bench.request(app)


def environ_keys(bench: Bench) -> None:
    """The view sees its environ; what an instrumentation keeps there is its own business."""
    bench.instrument()
    app = flask.Flask("environ")

    @app.route("/")
    def index() -> str:
        bench.note(sorted(key for key in flask.request.environ if not key.startswith(("opentelemetry", "otel"))))
        return "index"

    bench.request(app)


def copied_request_context(bench: Bench) -> None:
    """``copy_current_request_context`` pushes the request's context a second time, in the same thread."""
    bench.instrument()
    app = flask.Flask("copied")

    @app.route("/")
    def index() -> str:
        @flask.copy_current_request_context
        def again() -> str:
            return flask.request.path

        before = trace.get_current_span()
        answer = again()
        bench.note(trace.get_current_span() is before)
        return answer

    bench.request(app)


def pushed_test_contexts(bench: Bench) -> None:
    """``test_request_context`` starts no span, alone and inside a request."""
    bench.instrument()
    app = flask.Flask("pushed")

    @app.route("/")
    def index() -> str:
        before = trace.get_current_span()
        with app.test_request_context("/other"):
            bench.note(trace.get_current_span() is before)
        bench.note(trace.get_current_span() is before)
        return "index"

    with app.test_request_context("/"):
        bench.note(trace.get_current_span() is trace.INVALID_SPAN)
    bench.request(app)
