"""Copies of a request context: what runs in one, in whatever thread or greenlet, is in the trace of its request."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flask
import pytest
from opentelemetry import context, trace
from otel_rs_instr_flask import FlaskInstrumentor

from parity.wsgi_client import call, environ
from support.telemetry import Telemetry

Work = Callable[[], Any]
Run = Callable[[Work], Any]


def in_a_thread(work: Work) -> Any:
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(work).result(10)
        assert pool.submit(context.get_current).result(10) == {}
    return result


def in_a_context_of_its_own(work: Work) -> Any:
    """As a greenlet that starts with nothing."""
    own = contextvars.Context()
    result = own.run(work)
    assert own.run(context.get_current) == {}
    return result


def in_place(work: Work) -> Any:
    return work()


RUNS = [in_a_thread, in_a_context_of_its_own, in_place]


def by_decorator(work: Work) -> Work:
    copied: Work = flask.copy_current_request_context(work)
    return copied


def by_hand(work: Work) -> Work:
    copy: Any = flask.globals.request_ctx._get_current_object().copy()  # type: ignore[attr-defined]

    def pushed() -> Any:
        with copy:
            return work()

    return pushed


@pytest.fixture
def app(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> flask.Flask:
    instrumentor.instrument(**telemetry.providers)
    return flask.Flask("copies")


@pytest.fixture
def tracer(telemetry: Telemetry) -> trace.Tracer:
    tracer: trace.Tracer = telemetry.tracer_provider.get_tracer("app")
    return tracer


def parents(telemetry: Telemetry) -> dict[str, str | None]:
    names = {span.context.span_id: span.name for span in telemetry.spans if span.context}
    return {span.name: names.get(span.parent.span_id, "?") if span.parent else None for span in telemetry.spans}


@pytest.mark.parametrize("copied", [by_decorator, by_hand])
@pytest.mark.parametrize("run", RUNS)
def test_work_that_the_view_waits_for(
    run: Run, copied: Callable[[Work], Work], app: flask.Flask, telemetry: Telemetry, tracer: trace.Tracer
) -> None:
    def work() -> str:
        with tracer.start_as_current_span("work"):
            return flask.request.path

    @app.route("/")
    def view() -> str:
        with tracer.start_as_current_span("prepare"):
            work_there = copied(work)
        path = "".join(run(work_there) for _ in range(2))
        tracer.start_span("after").end()
        assert len(telemetry.spans) == 4, "the request's span goes on"
        return f"{path} {trace.get_current_span().is_recording()}"

    assert call(app, environ())["body"] == "// True"
    found = parents(telemetry)
    expected = "GET /" if run is in_place else "prepare"
    assert found == {"prepare": "GET /", "work": expected, "after": "GET /", "GET /": None}
    assert context.get_current() == {}


def test_work_that_outlives_the_request(app: flask.Flask, telemetry: Telemetry, tracer: trace.Tracer) -> None:
    answered, threads = threading.Event(), []

    @app.route("/")
    def view() -> str:
        @flask.copy_current_request_context
        def work() -> None:
            answered.wait(10)
            tracer.start_span(f"work for {flask.request.path}").end()

        threads.append(threading.Thread(target=work))
        threads[0].start()
        return "accepted"

    assert call(app, environ())["body"] == "accepted"
    assert parents(telemetry) == {"GET /": None}
    answered.set()
    threads[0].join()
    assert parents(telemetry) == {"GET /": None, "work for /": "GET /"}


def test_many_at_once(app: flask.Flask, telemetry: Telemetry, tracer: trace.Tracer) -> None:
    """Copies of two requests, in threads that serve one after the other."""
    with ThreadPoolExecutor(4) as pool:

        @app.route("/<name>")
        def view(name: str) -> str:
            barrier = threading.Barrier(4)

            def work() -> None:
                barrier.wait(10)
                tracer.start_span(f"work of {name}").end()

            for waiting in [pool.submit(by_decorator(work)) for _ in range(4)]:
                waiting.result(10)
            return name

        for name in ("one", "two"):
            assert call(app, environ(path=f"/{name}"))["body"] == name
        requests = [span.context for span in telemetry.spans if span.name == "GET /<name>"]
        for name, request in zip(("one", "two"), requests, strict=True):
            work = [span for span in telemetry.spans if span.name == f"work of {name}"]
            assert request is not None
            assert [span.parent.span_id for span in work if span.parent] == [request.span_id] * 4
        for waiting in [pool.submit(context.get_current) for _ in range(8)]:
            assert waiting.result(10) == {}


def test_a_span_that_is_there_already_is_kept(app: flask.Flask, telemetry: Telemetry, tracer: trace.Tracer) -> None:
    """Whoever starts the thread may have brought a context along."""

    @app.route("/")
    def view() -> str:
        def work() -> None:
            tracer.start_span("work").end()

        copied = by_decorator(work)

        def brought() -> None:
            with tracer.start_as_current_span("own"):
                copied()
                tracer.start_span("after").end()

        in_a_thread(brought)
        return "done"

    assert call(app, environ())["body"] == "done"
    assert parents(telemetry) == {"GET /": None, "own": None, "work": "own", "after": "own"}


def test_an_exception_in_a_copy(app: flask.Flask, telemetry: Telemetry) -> None:
    @app.route("/")
    def view() -> str:
        def work() -> None:
            raise ValueError("in the copy")

        with pytest.raises(ValueError, match="in the copy"):
            in_a_thread(by_decorator(work))
        return "done"

    assert call(app, environ())["body"] == "done"
    assert telemetry.span().events == ()


def test_after_uninstrument(
    app: flask.Flask, instrumentor: FlaskInstrumentor, telemetry: Telemetry, tracer: trace.Tracer
) -> None:
    kept: list[Work] = []

    @app.route("/")
    def view() -> str:
        kept.append(by_decorator(lambda: tracer.start_span("work").end()))
        return "done"

    call(app, environ())
    instrumentor.uninstrument()
    in_a_thread(kept[0])
    assert parents(telemetry) == {"GET /": None, "work": None}
