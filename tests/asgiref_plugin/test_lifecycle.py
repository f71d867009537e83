"""``instrument()`` and ``uninstrument()`` of ours: what they patch, what they restore, what they say."""

from __future__ import annotations

import logging
import sys
import types
from typing import Any

import asgiref.sync
import otel_rs_instr_asgiref
import pytest
from asgiref.sync import async_to_sync as early_async_to_sync
from asgiref.sync import sync_to_async as early_sync_to_async
from opentelemetry import trace
from otel_rs_instr_asgiref import AsgirefInstrumentor

from asgiref_plugin.conftest import Instrument
from support.telemetry import Telemetry

pytestmark = pytest.mark.parametrize("implementation", ["stock-sdk", "native"], indirect=True)


def plain() -> None: ...


async def coroutine() -> None: ...


def namespace() -> dict[str, Any]:
    return dict(vars(asgiref.sync))


def test_early_importers_are_instrumented(
    instrument: Instrument, instrumentor: AsgirefInstrumentor, telemetry: Telemetry
) -> None:
    instrument()
    early_sync_to_async(plain)
    early_async_to_sync(coroutine)
    assert [span.name for span in telemetry.spans] == ["asgiref.sync.sync_to_async", "asgiref.sync.async_to_sync"]
    instrumentor.uninstrument()
    early_sync_to_async(plain)
    assert len(telemetry.spans) == 2


def test_uninstrument_restores_exactly_what_was_there(
    instrument: Instrument, instrumentor: AsgirefInstrumentor, telemetry: Telemetry
) -> None:
    importer: Any = types.ModuleType("importer")
    importer.bridge = asgiref.sync.sync_to_async
    sys.modules["importer"] = importer
    before = namespace()
    classes = {name: dict(vars(before[name])) for name in ("SyncToAsync", "AsyncToSync")}
    try:
        for _ in range(3):
            instrument()
            assert importer.bridge is asgiref.sync.sync_to_async
            assert asgiref.sync.sync_to_async is not before["sync_to_async"]
            assert asgiref.sync.sync_to_async.__wrapped__ is before["sync_to_async"]
            instrumentor.uninstrument()
            assert importer.bridge is before["sync_to_async"]
            after = namespace()
            assert after.keys() == before.keys()
            assert [name for name in before if before[name] is not after[name]] == []
            assert {name: dict(vars(after[name])) for name in classes} == classes
    finally:
        del sys.modules["importer"]


def test_a_function_that_is_held_passes_through_afterwards(
    instrument: Instrument, instrumentor: AsgirefInstrumentor, telemetry: Telemetry
) -> None:
    instrument()
    held = asgiref.sync.sync_to_async
    instrumentor.uninstrument()
    assert isinstance(held(plain), asgiref.sync.SyncToAsync)
    assert telemetry.spans == ()


@pytest.mark.parametrize("limit", ["many", 1.5, [], 2**80])
def test_a_limit_that_is_no_number_is_named(
    instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture, limit: object
) -> None:
    with caplog.at_level(logging.WARNING, "otel_rs_instr_asgiref"):
        instrument(stacktrace_limit=limit)
        asgiref.sync.sync_to_async(plain)
    (record,) = caplog.records
    assert record.getMessage() == f"otel-rs: stacktrace_limit is '{limit}': expected a whole number or None; 10 is used"
    (event,) = telemetry.span().events
    assert str((event.attributes or {})["exception.stacktrace"]).count('  File "') == 9


def test_a_span_that_does_not_record_has_no_stack(instrumentor: AsgirefInstrumentor, telemetry: Telemetry) -> None:
    instrumentor.instrument(tracer_provider=trace.NoOpTracerProvider())
    assert isinstance(asgiref.sync.sync_to_async(plain), asgiref.sync.SyncToAsync)
    assert telemetry.spans == ()


def test_the_scope_has_our_version(instrument: Instrument, telemetry: Telemetry) -> None:
    instrument()
    asgiref.sync.sync_to_async(plain)
    scope = telemetry.span().instrumentation_scope
    assert scope is not None
    assert scope.version == otel_rs_instr_asgiref.__version__


def test_what_it_instruments(instrumentor: AsgirefInstrumentor) -> None:
    assert instrumentor.instrumentation_dependencies() == ["asgiref >= 3.0, < 4"]


def test_nothing_has_panicked(implementation: str) -> None:
    assert otel_rs_instr_asgiref._native.panics() == 0
