"""Stacks as text: letter for letter what `traceback.format_stack` gives at the same place."""

from __future__ import annotations

import gc
import importlib
import json
import linecache
import os
import sys
import traceback
import weakref
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asgiref.sync
import otel_rs_sdk
import pytest
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otel_rs_instr_asgiref import AsgirefInstrumentor

from asgiref_plugin.conftest import Instrument
from support.otlp_receiver import OtlpReceiver, attributes_of
from support.telemetry import Telemetry

LIMITS = [None, 0, 1, 2, 3, 4, 5, 6, 10, 1000, -1, -2, -3, -20, -1000]


def stacks(telemetry: Telemetry) -> list[str]:
    """The stacks of the spans that have ended."""
    return [str((event.attributes or {})["exception.stacktrace"]) for span in telemetry.spans for event in span.events]


class Probe:
    """What the tested code calls, in one line: Python's own stack, and the span's."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self.expected: list[str] = []

    def note(self) -> int:
        """As the reference implementation takes its stack, one frame deep; returns how many there are."""
        self.expected.append("\n".join(traceback.format_stack(limit=self.limit)[:-1]))
        return len(self.expected)

    def names(self) -> dict[str, Any]:
        """What tested code finds as globals."""
        return {"note": self.note, "bridge": lambda: asgiref.sync.sync_to_async, "plain": len}


@pytest.fixture(params=LIMITS)
def probe(request: pytest.FixtureRequest, instrument: Instrument, telemetry: Telemetry) -> Iterator[Probe]:
    """A probe; its stacks and the spans' are compared in the end."""
    probe = Probe(request.param)
    instrument(stacktrace_limit=request.param)
    yield probe
    assert probe.expected
    assert stacks(telemetry) == probe.expected


@pytest.fixture
def write_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Imports a module of that source whose ``run`` calls the probe, and forgets it in the end."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names = []

    def write(source: str | bytes, probe: Probe, name: str = "") -> Any:
        name = name or f"tested_{abs(hash((source, probe.limit, str(tmp_path))))}"
        names.append(name)
        content = source if isinstance(source, bytes) else source.encode()
        (tmp_path / f"{name}.py").write_bytes(content)
        importlib.invalidate_caches()
        module = importlib.import_module(name)
        vars(module).update(probe.names())
        return module

    yield write
    for name in names:
        sys.modules.pop(name, None)


CALL = b"note(), bridge()(plain)"


def test_nested_functions_lambdas_and_comprehensions(probe: Probe) -> None:
    def inner() -> int:
        return probe.note() + bool(asgiref.sync.sync_to_async(len))

    class Body:
        inner()
        called = tuple(inner() for _ in range(2))

    (lambda: [(lambda: inner())() for _ in range(2)])()
    {inner() for _ in range(1)}
    list(inner() for _ in range(1))  # noqa: C400
    assert len(probe.expected) == 7


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5, 6, 30])
def test_recursion(probe: Probe, depth: int) -> None:
    def recurse(depth: int) -> None:
        if depth == 0:
            probe.note(), asgiref.sync.sync_to_async(len)
            return
        recurse(depth - 1)

    recurse(depth)


def test_a_recursion_of_two(probe: Probe) -> None:
    def one(depth: int) -> None:
        two(depth)

    def two(depth: int) -> None:
        if depth == 0:
            probe.note(), asgiref.sync.sync_to_async(len)
        else:
            one(depth - 1)

    one(6)


@pytest.mark.parametrize("probe", [None, 2, 3, -2], indirect=True)
@pytest.mark.parametrize("name", ["<string>", "<stdin>", "<stdin>-7", "relative.py", "", "/nowhere/missing.py", "/tmp"])
def test_code_that_is_in_no_file(probe: Probe, name: str) -> None:
    code = compile(b"def run():\n    " + CALL + b"\nrun()", name, "exec")
    exec(code, probe.names())


def test_a_relative_name_that_is_found(probe: Probe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = b"def run():\n    " + CALL + b"  # found\nrun()"
    (tmp_path / "relative.py").write_bytes(source)
    monkeypatch.chdir(tmp_path)
    exec(compile(source, "relative.py", "exec"), probe.names())
    linecache.clearcache()


def test_code_that_linecache_was_told_of(probe: Probe) -> None:
    """As notebooks, doctests and attrs do."""
    source = "def run():\n    note(), bridge()(plain)  # a cell\nrun()"
    for name in ("<ipython-input-1>", "/tmp/ipykernel_1/1.py"):
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(compile(source, name, "exec"), probe.names())
        del linecache.cache[name]


def test_a_zip_file(probe: Probe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("in_a_zip.py", b"def run():\n    " + CALL + b"  # zipped\n")
    monkeypatch.syspath_prepend(str(path))
    module = importlib.import_module("in_a_zip")
    vars(module).update(probe.names())
    module.run()
    del sys.modules["in_a_zip"]


@pytest.mark.parametrize("probe", [None, 2], indirect=True)
@pytest.mark.parametrize(
    "source",
    [
        b"def run():\n    %s  # plain\n",
        b"def run():\n    %s  # no newline at the end",
        b"def run():\r\n    %s  # crlf\r\n",
        b"def run():\r    %s  # cr\r",
        b"def run():\n\n\t%s  # tab \t \n",
        b"\x0c\ndef run():\n\x0c    %s  # form feed\x0c\n",
        b"\xef\xbb\xbfdef run():\n    %s  # bom\n",
        b"\xef\xbb\xbf# coding: utf-8\ndef run():\n    %s  # bom and cookie \xc3\xa4\n",
        b"# -*- coding: utf8 -*-\ndef run():\n    %s  # \xe2\x82\xac\n",
        b"# vim: set fileencoding=UTF-8 :\ndef run():\n    %s  # \xc3\xa4\n",
        b"# coding: latin-1\ndef run():\n    %s  # \xe4\n",
        b"#!/usr/bin/python\n# coding: cp1252\ndef run():\n    %s  # \x80\n",
        b"encoding = 'x'; coding = [1]\ndef run():\n    %s  # no cookie\n",
        b"def run():\n    note(), bridge()(plain), '''\n    '''  # two lines\n",
        b"def run():\n    %s  # separators \x1f\xc2\xa0\xe2\x80\xa8\n",
    ],
    ids=lambda source: source.decode("latin-1").rpartition("#")[2].strip() or None,
)
def test_files(probe: Probe, write_module: Callable[..., Any], source: bytes) -> None:
    module = write_module(source.replace(b"%s", CALL), probe)
    module.run()


def test_a_file_that_changes(write_module: Callable[..., Any], instrument: Instrument, telemetry: Telemetry) -> None:
    instrument(stacktrace_limit=2)
    probe = Probe(2)
    module = write_module(b"def run():\n    " + CALL + b"  # first\n", probe)
    path = Path(module.__file__)
    seen = []
    for number, source in enumerate((b"#\n# changed\n", b"# shorter", b"# no \xff utf-8\n# at all\n", None)):
        module.run()
        # The native SDK reads the source when the text is made, not when the stack is taken.
        seen.extend(stacks(telemetry))
        telemetry.clear()
        if source is None:
            path.unlink()
        else:
            path.write_bytes(source)
            os.utime(path, (number, number))
    module.run()
    seen.extend(stacks(telemetry))
    assert seen == probe.expected
    assert [stack.partition("#")[2] for stack in seen] == [" first\n", " changed\n", "", "", ""]


def test_a_lambda_in_generated_code(probe: Probe) -> None:
    names = probe.names()
    exec(compile(b"run = lambda: (" + CALL + b")", "<lambda>", "exec"), names)
    names["run"]()


@pytest.mark.parametrize("limit", [0, 1, 2, 5, 1000, -3])
def test_the_limit_of_sys(
    instrument: Instrument, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(sys, "tracebacklimit", limit, raising=False)
    instrument(stacktrace_limit=None)
    probe = Probe(None)
    probe.note(), asgiref.sync.sync_to_async(len)
    assert stacks(telemetry) == probe.expected


def test_a_stack_keeps_no_locals_alive(instrument: Instrument, telemetry: Telemetry) -> None:
    class Local:
        pass

    def make() -> weakref.ref[Local]:
        local = Local()
        asgiref.sync.sync_to_async(len)
        return weakref.ref(local)

    instrument(stacktrace_limit=None)
    reference = make()
    gc.collect()
    assert reference() is None
    assert "in make" in stacks(telemetry)[0]


@pytest.mark.parametrize("length", [0, 1, 50, 100_000])
def test_the_length_limit_counts_the_text(implementation: str, length: int) -> None:
    exporter = InMemorySpanExporter()
    provider: Any
    if implementation == "native":
        provider = otel_rs_sdk.TracerProvider(span_limits=otel_rs_sdk.SpanLimits(max_attribute_length=length))
        provider.add_span_processor(otel_rs_sdk.SimpleSpanProcessor(exporter))
    else:
        provider = TracerProvider(span_limits=SpanLimits(max_attribute_length=length))
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = AsgirefInstrumentor()
    instrumentor.instrument(tracer_provider=provider, stacktrace_limit=None)
    probe = Probe(None)
    probe.note(), asgiref.sync.sync_to_async(len)
    instrumentor.uninstrument()
    (span,) = exporter.get_finished_spans()
    (event,) = span.events
    assert (event.attributes or {})["exception.stacktrace"] == probe.expected[0][:length]


@pytest.mark.parametrize("implementation", ["native"], indirect=True)
def test_the_text_is_exported(implementation: str, receiver: OtlpReceiver, capfd: pytest.CaptureFixture[str]) -> None:
    provider = otel_rs_sdk.TracerProvider()
    exporter = otel_rs_sdk.OTLPSpanExporter(endpoint=f"{receiver.endpoint}/v1/traces")
    provider.add_span_processor(otel_rs_sdk.BatchSpanProcessor(exporter))
    provider.add_span_processor(otel_rs_sdk.SimpleSpanProcessor(otel_rs_sdk.ConsoleSpanExporter()))
    instrumentor = AsgirefInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    probe = Probe(10)
    probe.note(), asgiref.sync.sync_to_async(len)
    instrumentor.uninstrument()
    provider.shutdown()
    (span,) = receiver.spans
    (event,) = span.message.events
    exported = attributes_of(event.attributes)["exception.stacktrace"]
    printed = json.loads(capfd.readouterr().out)["events"][0]["attributes"]["exception.stacktrace"]
    assert [exported, printed] == probe.expected * 2
