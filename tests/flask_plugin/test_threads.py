"""Requests at once, in threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import flask
from opentelemetry import trace
from otel_rs_instr_flask import FlaskInstrumentor

from parity.wsgi_client import call, environ
from support.telemetry import Telemetry

THREADS = 8
REQUESTS = 400


def test_each_request_has_its_own_span(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    app = flask.Flask("threads")
    barrier = threading.Barrier(THREADS)

    @app.route("/<int:number>")
    def view(number: int) -> str:
        span = trace.get_current_span()
        span.set_attribute("number", number)
        if number < THREADS:
            barrier.wait(10)
        assert trace.get_current_span() is span
        return f"{span.get_span_context().trace_id:032x}"

    def send(number: int) -> tuple[int, str]:
        trace_id = f"{number + 1:032x}"
        headers = {"traceparent": f"00-{trace_id}-00000000000000ff-01"}
        return number, call(app, environ(path=f"/{number}", headers=headers))["body"]

    instrumentor.instrument(**telemetry.providers)
    with ThreadPoolExecutor(THREADS) as pool:
        for number, body in pool.map(send, range(REQUESTS)):
            assert body == f"{number + 1:032x}"
    seen = {span.attributes["number"]: span.context.trace_id for span in telemetry.spans if span.attributes}
    assert seen == {number: number + 1 for number in range(REQUESTS)}
    assert sum(point.count for point in telemetry.points("http.server.duration")) == REQUESTS
    assert [point.value for point in telemetry.points("http.server.active_requests")] == [0]


def test_instrument_and_uninstrument_under_load(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    app = flask.Flask("load")
    app.add_url_rule("/", view_func=lambda: "answer")
    stop = threading.Event()

    def send() -> int:
        count = 0
        while not stop.is_set():
            assert call(app, environ())["body"] == "answer"
            count += 1
        return count

    with ThreadPoolExecutor(THREADS) as pool:
        workers = [pool.submit(send) for _ in range(THREADS)]
        for _ in range(100):
            instrumentor.instrument(**telemetry.providers)
            instrumentor.uninstrument()
        stop.set()
        assert all(worker.result(30) > 0 for worker in workers)
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert all(point.value == 0 for point in telemetry.points("http.server.active_requests"))
