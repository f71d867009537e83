"""Programs whose main thread ends while daemon threads are inside our code.

``python -m daemon_threads.programs SHAPE`` runs one. A daemon thread is ended where it next asks for the interpreter;
each shape has it do so with frames of ours on the stack.

CPython 3.10 frees the interpreter at the end of its finalization. A thread that has asked for it before, or asks just
then, still uses it: a bare program whose daemon threads are busy dies of SIGSEGV in some of 1,000 exits, in its own
``take_gil``. There a program ends just before that.
"""

import asyncio
import ctypes
import io
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Flask, stream_with_context
from flask import request as flask_request
from otel_rs_instr_asgiref import AsgirefInstrumentor
from otel_rs_instr_asyncio import AsyncioInstrumentor
from otel_rs_instr_flask import FlaskInstrumentor
from otel_rs_instr_wsgi import OpenTelemetryMiddleware
from otel_rs_sdk import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    MeterProvider,
    OTLPMetricExporter,
    OTLPSpanExporter,
    PeriodicExportingMetricReader,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
    SpanProcessor,
    TracerProvider,
)

THREADS = 4
LISTENERS: list[socket.socket] = []
SHAPES: dict[str, Callable[[], Callable[[], object]]] = {}


def shape(set_up: Callable[[], Callable[[], object]]) -> Callable[[], Callable[[], object]]:
    """Registers what prepares a shape and gives what its threads do over and over."""
    SHAPES[set_up.__name__] = set_up
    return set_up


def pause() -> None:
    """Lets go of the interpreter and asks for it again."""
    time.sleep(0.0005)


def _environ(path: str = "/") -> dict[str, Any]:
    from wsgiref.util import setup_testing_defaults

    environ: dict[str, Any] = {"PATH_INFO": path, "wsgi.input": io.BytesIO()}
    setup_testing_defaults(environ)
    return environ


def _serve(app: Callable[..., Iterable[bytes]]) -> None:
    body = app(_environ(), lambda status, headers, exc_info=None: lambda data: None)
    for _ in body:
        pass
    close = getattr(body, "close", None)
    if close is not None:
        close()


@shape
def flask_view() -> Callable[[], object]:
    """A view of Flask."""
    app = Flask("shape")

    def view() -> str:
        pause()
        return "done"

    app.add_url_rule("/", view_func=view)
    FlaskInstrumentor().instrument_app(app, tracer_provider=TracerProvider())
    return lambda: _serve(app.wsgi_app)


@shape
def flask_hook() -> Callable[[], object]:
    """A request hook of the application's."""
    app = Flask("shape")
    app.add_url_rule("/", view_func=lambda: "done")
    FlaskInstrumentor().instrument_app(
        app, request_hook=lambda span, environ: pause(), tracer_provider=TracerProvider()
    )
    return lambda: _serve(app.wsgi_app)


@shape
def flask_stream() -> Callable[[], object]:
    """A streamed body of Flask."""
    app = Flask("shape")

    def chunks() -> Iterator[str]:
        for _ in range(3):
            pause()
            yield flask_request.path

    app.add_url_rule("/", view_func=lambda: app.response_class(stream_with_context(chunks())))
    FlaskInstrumentor().instrument_app(app, tracer_provider=TracerProvider())
    return lambda: _serve(app.wsgi_app)


@shape
def wsgi_application() -> Callable[[], object]:
    """An application behind the WSGI middleware."""

    def application(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        pause()
        start_response("200 OK", [])
        return [b"done"]

    app = OpenTelemetryMiddleware(application, tracer_provider=TracerProvider())
    return lambda: _serve(app)


@shape
def wsgi_body() -> Callable[[], object]:
    """The chunks and the end of a body behind the WSGI middleware."""

    class Body:
        left = 3

        def __iter__(self) -> "Body":
            return self

        def __next__(self) -> bytes:
            pause()
            self.left -= 1
            if self.left < 0:
                raise StopIteration
            return b"chunk"

        def close(self) -> None:
            pause()

    def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Body:
        start_response("200 OK", [])
        return Body()

    app = OpenTelemetryMiddleware(application, tracer_provider=TracerProvider())
    return lambda: _serve(app)


@shape
def coroutine() -> Callable[[], object]:
    """A coroutine that is measured."""
    AsyncioInstrumentor().instrument(tracer_provider=TracerProvider(), meter_provider=MeterProvider())

    async def work() -> None:
        pause()
        await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(work(), asyncio.to_thread(pause))

    return lambda: asyncio.run(main())


@shape
def bridge() -> Callable[[], object]:
    """A function over a bridge of asgiref, with a span around the call."""
    from asgiref.sync import async_to_sync, sync_to_async

    provider = TracerProvider()
    tracer = provider.get_tracer("scope")
    os.environ["OTEL_RS_ASGIREF_CALLS_ENABLED"] = "true"
    AsgirefInstrumentor().instrument(tracer_provider=provider)

    async def work() -> None:
        await sync_to_async(pause)()

    def call() -> None:
        with tracer.start_as_current_span("caller"):
            async_to_sync(work)()

    return call


@shape
def exporter() -> Callable[[], object]:
    """An exporter written in Python."""

    class Exporter(SpanExporter):
        def export(self, spans: object) -> SpanExportResult:
            pause()
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Exporter()))
    tracer = provider.get_tracer("scope")
    return lambda: tracer.start_span("span").end()


@shape
def processor() -> Callable[[], object]:
    """A span processor written in Python."""

    class Processor(SpanProcessor):
        def on_start(self, span: object, parent_context: object = None) -> None:
            pause()

    provider = TracerProvider()
    provider.add_span_processor(Processor())
    tracer = provider.get_tracer("scope")

    def work() -> None:
        with tracer.start_as_current_span("span"):
            pass

    return work


@shape
def spans() -> Callable[[], object]:
    """Spans as fast as they can be made."""
    tracer = TracerProvider().get_tracer("scope")
    return lambda: tracer.start_span("span").end()


@shape
def span_of_another_thread() -> Callable[[], object]:
    """Methods of a span that another thread has started, with values that are Python code."""

    class Text(str):
        __slots__ = ()

        def __str__(self) -> str:
            pause()
            return "text"

        def __hash__(self) -> int:
            pause()
            return 1

    class Values(dict[str, str]):
        def items(self) -> Any:
            pause()
            return super().items()

    span = TracerProvider().get_tracer("scope").start_span("span")

    def work() -> None:
        span.set_attribute(Text("key"), Text("value"))
        span.set_attributes(Values(key="value"))
        span.add_event("event", Values(key="value"))
        span.record_exception(ValueError(Text("message")))

    return work


@shape
def dropped() -> Callable[[], object]:
    """Objects of ours whose parts run code when they are dropped."""

    class Noisy:
        def __call__(self, environ: object, start_response: object) -> list[bytes]:
            return []

        def __del__(self) -> None:
            pause()

    kept: list[object] = []
    for _ in range(20_000):
        kept.append(OpenTelemetryMiddleware(Noisy()))
    return lambda: kept.pop() if kept else pause()


@shape
def measurements() -> Callable[[], object]:
    """Measurements whose attributes are Python code."""

    class Values(dict[str, str]):
        def items(self) -> Any:
            pause()
            return super().items()

    counter = MeterProvider().get_meter("scope").create_counter("counter")
    return lambda: counter.add(1, Values(key="value"))


@shape
def flush() -> Callable[[], object]:
    """A flush, which waits without the interpreter for a collector that is not there."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint="http://127.0.0.1:1/v1/traces")))
    tracer = provider.get_tracer("scope")

    def work() -> None:
        tracer.start_span("span").end()
        provider.force_flush(5)

    return work


def _silent_collector() -> str:
    """The URL of a server that takes connections and answers nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    LISTENERS.append(listener)
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@shape
def metrics_flush() -> Callable[[], object]:
    """A flush of metrics, which waits without the interpreter for a collector that is silent."""
    exporter = OTLPMetricExporter(endpoint=f"{_silent_collector()}/v1/metrics")
    provider = MeterProvider([PeriodicExportingMetricReader(exporter)], shutdown_on_exit=False)
    counter = provider.get_meter("scope").create_counter("counter")

    def work() -> None:
        counter.add(1)
        provider.force_flush(5)

    return work


@shape
def simple_export() -> Callable[[], object]:
    """The end of a span that is exported at once, to a collector that is silent."""
    provider = TracerProvider(shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{_silent_collector()}/v1/traces", timeout=0.005)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("scope")
    return lambda: tracer.start_span("span").end()


@shape
def shutdown() -> Callable[[], object]:
    """A shutdown, which waits without the interpreter for a collector that is silent."""
    endpoint = f"{_silent_collector()}/v1/traces"

    def work() -> None:
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        provider.get_tracer("scope").start_span("span").end()
        provider.shutdown(5)

    return work


@shape
def console() -> Callable[[], object]:
    """Spans that are written to standard output, whose lock all threads share."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
    tracer = provider.get_tracer("scope")
    return lambda: tracer.start_span("span").end()


class Last:
    """Ends the process when the interpreter drops its modules, after threads have had the time to end or to wait."""

    # It keeps the interpreter meanwhile.
    sleep = ctypes.PyDLL(None).usleep
    end = staticmethod(os._exit)

    def __del__(self) -> None:
        self.sleep(100_000)
        self.end(0)


def _repeat(work: Callable[[], object]) -> None:
    while True:
        work()


def main() -> None:
    """Runs a shape and ends while its threads are at it."""
    work = SHAPES[sys.argv[1]]()
    for _ in range(THREADS):
        threading.Thread(target=_repeat, args=(work,), daemon=True).start()
    time.sleep(0.05)


if __name__ == "__main__":
    if sys.version_info < (3, 11):
        # Nothing that a thread's frames keep alive.
        sys.__dict__["last"] = Last()
    main()
