"""The plugin on the stock SDK and on ours, beside the reference implementation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from otel_rs_instr_asgiref import AsgirefInstrumentor, _native

from asgiref_plugin.calls import VARIABLE
from asgiref_plugin.reference import ReferenceInstrumentor
from support.telemetry import Telemetry

Instrument = Callable[..., None]


@pytest.fixture(params=["reference", "stock-sdk", "native"])
def implementation(request: pytest.FixtureRequest) -> str:
    """Who instruments, with which SDK. A suite that is about ours alone leaves the reference out."""
    return str(request.param)


@pytest.fixture
def telemetry(implementation: str) -> Iterator[Telemetry]:
    """New providers; nothing is current when the test is over."""
    with Telemetry(native=implementation == "native") as telemetry:
        yield telemetry
    assert trace.get_current_span() is trace.INVALID_SPAN


@pytest.fixture
def instrumentor(implementation: str) -> Iterator[Any]:
    """The instrumentor, uninstrumented in the end."""
    if implementation == "reference":
        reference = ReferenceInstrumentor()
        yield reference
        reference.uninstrument()
        return
    instrumentor = AsgirefInstrumentor()
    yield instrumentor
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


@pytest.fixture
def instrument(instrumentor: Any, telemetry: Telemetry) -> Instrument:
    """``instrument()`` with the test's provider."""

    def instrument(**options: Any) -> None:
        instrumentor.instrument(tracer_provider=telemetry.tracer_provider, **options)

    return instrument


@pytest.fixture
def outer(telemetry: Telemetry) -> Iterator[trace.SpanContext]:
    """The span that is current around a test: without one, calls are not measured."""
    with telemetry.tracer_provider.get_tracer("test").start_as_current_span("outer") as span:
        yield span.get_span_context()


@pytest.fixture
def instrument_calls(
    instrument: Instrument, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Instrument]:
    """Instruments calls too; the spans of making bridges are left out of the telemetry by whoever looks."""

    def instrument_calls() -> None:
        monkeypatch.setenv(VARIABLE, "true")
        instrument()

    yield instrument_calls
    assert _native.panics() == 0
