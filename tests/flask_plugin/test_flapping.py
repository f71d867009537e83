"""``instrument()`` and ``uninstrument()`` from several threads, over each other: the last one asked for holds."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest
from opentelemetry import trace
from otel_rs_instr_asyncio import AsyncioInstrumentor
from otel_rs_instr_flask import FlaskInstrumentor
from werkzeug.test import EnvironBuilder

from support.telemetry import Telemetry

FUNCTIONS = ("create_task", "ensure_future", "wait_for", "wait", "as_completed", "gather", "to_thread")


def held() -> dict[str, int]:
    """What the patches are put in the place of, by identity: wrappers are equal to what they wrap."""
    methods = {name: value for name, value in vars(flask.Flask).items() if callable(value)}
    return {name: id(value) for name, value in (methods | {name: getattr(asyncio, name) for name in FUNCTIONS}).items()}


pytestmark = pytest.mark.usefixtures("bare")


@pytest.fixture
def hurried() -> Iterator[None]:
    """Threads that follow each other in the middle of anything."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def run_all(bodies: list[Callable[[], None]]) -> None:
    raised: list[BaseException] = []

    def run(body: Callable[[], None]) -> None:
        try:
            body()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert raised == []


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("library", ["flask", "asyncio"])
def test_what_holds_is_what_was_asked_for_last(library: str, telemetry: Telemetry) -> None:
    before = held()
    instrumentor: Any = FlaskInstrumentor() if library == "flask" else AsyncioInstrumentor()

    def flap() -> None:
        for _ in range(4):
            instrumentor.instrument(**telemetry.providers)
            instrumentor.uninstrument()

    def ask() -> None:
        random.choice((instrumentor.instrument, instrumentor.uninstrument))()

    for _ in range(2):
        run_all([flap, flap, ask, ask])
        # Whatever it has come to, what it says of itself is so, and it can be undone.
        said = instrumentor.is_instrumented_by_opentelemetry
        assert said == (held() != before)
        if not said:
            instrumentor.instrument(**telemetry.providers)
            assert held() != before
        instrumentor.uninstrument()
        assert held() == before


@pytest.mark.usefixtures("hurried")
def test_requests_meanwhile(telemetry: Telemetry) -> None:
    before = held()
    app = flask.Flask("app")
    app.add_url_rule("/", "index", lambda: "index")
    app.add_url_rule("/stream", "stream", lambda: flask.Response(str(number) for number in range(3)))
    instrumentor = FlaskInstrumentor()
    done = threading.Event()
    rounds = 40

    def serve() -> None:
        try:
            client = app.test_client()
            for _ in range(rounds):
                for path, answer in (("/", "index"), ("/stream", "012")):
                    assert client.get(path).text == answer
                assert trace.get_current_span() is trace.INVALID_SPAN
        finally:
            done.set()

    def flap() -> None:
        while not done.is_set():
            instrumentor.instrument(**telemetry.providers)
            instrumentor.uninstrument()

    run_all([serve, serve, flap])
    assert held() == before
    assert all(span.parent is None for span in telemetry.spans)
    assert all(point.value == 0 for point in telemetry.points("http.server.active_requests"))


@pytest.mark.usefixtures("hurried")
def test_single_applications_meanwhile(telemetry: Telemetry) -> None:
    before = held()
    instrumentor = FlaskInstrumentor()
    apps = [flask.Flask(f"app{number}") for number in range(3)]

    def by_hand(app: flask.Flask) -> None:
        for _ in range(8):
            instrumentor.instrument_app(app, **telemetry.providers)
            instrumentor.uninstrument_app(app)
        instrumentor.instrument_app(app, **telemetry.providers)

    def globally() -> None:
        for _ in range(8):
            instrumentor.instrument(**telemetry.providers)
            instrumentor.uninstrument()

    run_all([*(lambda app=app: by_hand(app) for app in apps), globally])
    for app in apps:
        assert app.test_client().get("/").status_code == 404
    assert len(telemetry.spans) == 3
    for app in apps:
        instrumentor.uninstrument_app(app)
    assert held() == before


def test_asked_from_inside_of_itself(telemetry: Telemetry) -> None:
    """An option that looks at the instrumentation while it is read: what it asked for came last."""
    before = held()
    instrumentor = FlaskInstrumentor()

    class Urls:
        def __str__(self) -> str:
            instrumentor.uninstrument()
            return "none"

    instrumentor.instrument(excluded_urls=Urls(), **telemetry.providers)
    assert not instrumentor.is_instrumented_by_opentelemetry
    assert held() == before


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="the collector does not run in the middle of an instruction")
def test_uninstrument_while_a_method_is_bound(telemetry: Telemetry) -> None:
    """Binding ``__call__`` allocates, so the garbage collector may run what takes the wrapper off its class."""
    app = flask.Flask("app")
    app.add_url_rule("/", "index", lambda: "index")
    environ = EnvironBuilder("/").get_environ()
    instrumentor = FlaskInstrumentor()

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
        return lambda data: None

    armed = False
    collected_in: set[str] = set()

    def uninstrument(phase: str, info: dict[str, int]) -> None:
        nonlocal armed
        if armed and phase == "start":
            armed = False
            collected_in.add(sys._getframe(1).f_code.co_name)
            instrumentor.uninstrument()
            # Takes the memory of what has been freed.
            taken.append([dict.fromkeys(range(number)) for number in range(100)])

    taken: list[object] = []
    thresholds = gc.get_threshold()
    gc.callbacks.append(uninstrument)
    try:
        for allocations in range(1, 46):
            instrumentor.instrument(**telemetry.providers)
            request = dict(environ)
            gc.collect()
            gc.set_threshold(allocations % 9 + 1)
            armed = True
            body = app(request, start_response)
            armed = False
            gc.set_threshold(*thresholds)
            assert b"".join(body) == b"index"
            if instrumentor.is_instrumented_by_opentelemetry:
                instrumentor.uninstrument()
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(uninstrument)
    # Of these collections one has met the call itself.
    assert "test_uninstrument_while_a_method_is_bound" in collected_in
