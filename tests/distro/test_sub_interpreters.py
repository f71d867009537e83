"""Applications in several interpreters of one process, as under mod_wsgi and uWSGI: all run, and record if they can."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.instrumentation import auto_instrumentation

# What each program begins with. `app` answers with the name and whether its span records.
COMMON = """
import sys

def make_app(name):
    import flask
    from opentelemetry import trace
    app = flask.Flask(name)
    app.add_url_rule("/", view_func=lambda: f"{name} {trace.get_current_span().is_recording()}")
    return app

def say(app):
    print(*sorted({app.test_client().get("/").text for _ in range(3)}), flush=True)

def provider():
    from opentelemetry import trace
    from otel_rs_sdk import SimpleSpanProcessor, SpanExporter, SpanExportResult, TracerProvider

    class Exporter(SpanExporter):
        def export(self, spans):
            return SpanExportResult.SUCCESS

        def shutdown(self):
            pass

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Exporter()))
    trace.set_tracer_provider(provider)
    with trace.get_tracer("own").start_as_current_span("own") as span:
        span.set_attribute("key", "value")
    provider.force_flush()

def instrument():
    from otel_rs_instr_flask import FlaskInstrumentor
    FlaskInstrumentor().instrument()
"""

MAIN = """
import os
ISOLATED = {isolated}
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

def create():
    if ISOLATED:
        return interpreters.create()
    if interpreters.__name__ == "_interpreters":
        return interpreters.create("legacy")
    return interpreters.create(isolated=False)

COMMON = {common!r}

def run(interpreter, code):
    failed = interpreters.run_string(interpreter, COMMON + code)
    if failed is not None:
        raise RuntimeError(failed)

"""

SECOND = """
app = make_app("second")
say(app)
"""


def run(program: str, *, isolated: bool = False, **environment: str) -> tuple[list[str], list[str]]:
    """The lines of its output, and those of ours in its log."""
    try:
        import _xxsubinterpreters  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        pytest.importorskip("_interpreters")
    if isolated and sys.version_info < (3, 12):
        pytest.skip("interpreters share their lock before Python 3.12")
    code = COMMON + MAIN.format(isolated=isolated, common=COMMON) + program + "\nsys.stdout.flush(); os._exit(0)\n"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert "Traceback" not in finished.stderr
    return finished.stdout.splitlines(), [line for line in finished.stderr.splitlines() if "otel-rs" in line]


def assert_told_once(lines: list[str]) -> None:
    """That there is nothing in the second one."""
    assert len(lines) == 1, lines
    assert lines[0].startswith("otel-rs: otel-rs cannot be loaded in this interpreter")


# What the second one has: a copy of the native modules; or nothing, because there is no place for a copy, or because it
# has a lock of its own.
KINDS = ("copy", "no place", "own lock")
NO_PLACE = """
import os, tempfile
vars(os).pop("memfd_create", None)
tempfile.tempdir = "/nonexistent"
"""

pytestmark = pytest.mark.parametrize("kind", KINDS)


def expected(kind: str) -> str:
    return str(kind == "copy")


def assert_told(kind: str, lines: list[str]) -> None:
    if kind == "copy":
        assert lines == []
    else:
        assert_told_once(lines)


def prelude(kind: str) -> str:
    return NO_PLACE if kind == "no place" else ""


def test_the_second_one_runs_and_the_first_stays_as_it_is(kind: str) -> None:
    program = f"""
provider()
instrument()
app = make_app("first")
say(app)
second = create()
run(second, {prelude(kind)!r} + "provider(); instrument()" + {SECOND!r})
say(app)
interpreters.destroy(second)
say(app)
"""
    out, lines = run(program, isolated=kind == "own lock")
    assert out == ["first True", f"second {expected(kind)}", "first True", "first True"]
    assert_told(kind, lines)


def test_two_beside_each_other_and_after_each_other(kind: str) -> None:
    """The first that is no main interpreter has the modules themselves, also when it is gone."""
    if kind == "own lock":
        pytest.skip("has none, first or not")
    program = f"""
def begin(name):
    interpreter = create()
    run(interpreter, {prelude(kind)!r} + "provider(); instrument()" + {SECOND!r}.replace("second", name))
    return interpreter

one = begin("one")
two = begin("two")
run(one, "say(app)")
interpreters.destroy(one)
run(two, "say(app)")
three = begin("three")
interpreters.destroy(two)
interpreters.destroy(three)
"""
    out, lines = run(program)
    other = expected(kind)
    assert out == ["one True", f"two {other}", "one True", f"two {other}", f"three {other}"]
    assert len(lines) == (0 if kind == "copy" else 2), lines


def test_a_plugin_that_the_second_one_imports_first(kind: str) -> None:
    program = f"""
provider()
second = create()
run(second, {prelude(kind)!r} + "instrument(); provider()" + {SECOND!r})
instrument()
say(make_app("first"))
interpreters.destroy(second)
say(make_app("first"))
"""
    out, lines = run(program, isolated=kind == "own lock")
    assert out == [f"second {expected(kind)}", "first True", "first True"]
    assert_told(kind, lines)


ELSEWHERE = """
import asyncio
from asgiref.sync import async_to_sync, sync_to_async
from otel_rs_instr_asgiref import AsgirefInstrumentor
from otel_rs_instr_asyncio import AsyncioInstrumentor
from otel_rs_instr_wsgi import OpenTelemetryMiddleware, WsgiInstrumentor, get_default_span_name, wsgi_getter
for instrumentor in (AsgirefInstrumentor(), AsyncioInstrumentor(), WsgiInstrumentor()):
    instrumentor.instrument()
    instrumentor.uninstrument()
    instrumentor.instrument()

async def work():
    return await asyncio.gather(AsyncioInstrumentor().trace_item(sync_to_async(lambda: 1)()))

print(async_to_sync(work)())
class Middleware(OpenTelemetryMiddleware):
    pass
environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/path", "HTTP_X_NAME": "value"}
print(list(Middleware(lambda environ, start_response: [b"answer"])(environ, None)))
print(get_default_span_name(environ), wsgi_getter.get(environ, "x-name"), wsgi_getter.keys(environ))
from otel_rs_sdk import *
from opentelemetry import metrics, trace
provider = TracerProvider(ParentBased(TraceIdRatioBased(0.0)), Resource.create({"a": "b"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
tracer = provider.get_tracer("tracer")

@tracer.start_as_current_span("decorated")
def decorated():
    return trace.get_current_span().is_recording()

print(decorated(), provider.force_flush(), provider.dropped_spans)
provider.shutdown()
meters = MeterProvider()
PeriodicExportingMetricReader(OTLPMetricExporter())
meter = meters.get_meter("meter")
meter.create_counter("counter").add(1)
meter.create_histogram("histogram").record(1, {"a": 1})
print(meters.force_flush())
meters.shutdown()
"""


def test_what_else_is_used_there(kind: str) -> None:
    if kind == "own lock":
        pytest.skip("asyncio cannot be loaded there either before Python 3.13")
    program = f"provider()\nsecond = create()\nrun(second, {prelude(kind)!r} + {ELSEWHERE!r})\n"
    out, lines = run(program + "interpreters.destroy(second)\n")
    assert out[:3] == ["[1]", "[b'answer']", "GET /path ['value'] ['x-name']"]
    assert out[3:] == ["False True 0", "True"]
    if kind != "copy":
        assert_told_once(lines)


def test_the_launcher(kind: str) -> None:
    """It configures and instruments in each interpreter."""
    settings: dict[str, Any] = {
        "PYTHONPATH": str(Path(auto_instrumentation.__file__).parent),
        "OTEL_PYTHON_DISTRO": "otel_rs",
        "OTEL_PYTHON_CONFIGURATOR": "otel_rs",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "urllib,urllib3,requests,sqlite3,logging,threading,click,jinja2",
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
    }
    program = f"""
app = make_app("first")
say(app)
second = create()
run(second, {SECOND!r})
interpreters.destroy(second)
say(app)
"""
    if kind == "no place":
        pytest.skip("what the launcher loads comes before the program")
    out, lines = run(program, isolated=kind == "own lock", **settings)
    assert out == ["first True", f"second {expected(kind)}", "first True"]
    assert_told(kind, lines)
