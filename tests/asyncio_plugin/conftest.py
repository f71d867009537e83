"""The plugin on the stock SDK and on ours, in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from otel_rs_instr_asyncio import AsyncioInstrumentor, _native

from support.telemetry import Telemetry


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Spans for futures, and for what is called ``traced``."""
    monkeypatch.setenv("OTEL_PYTHON_ASYNCIO_COROUTINE_NAMES_TO_TRACE", "traced")
    monkeypatch.setenv("OTEL_PYTHON_ASYNCIO_TO_THREAD_FUNCTION_NAMES_TO_TRACE", "traced")
    monkeypatch.setenv("OTEL_PYTHON_ASYNCIO_FUTURE_TRACE_ENABLED", "true")
    return monkeypatch


@pytest.fixture
def instrumentor(environment: pytest.MonkeyPatch, telemetry: Telemetry) -> Iterator[AsyncioInstrumentor]:
    """The instrumentor, which instruments."""
    instrumentor = AsyncioInstrumentor()
    instrumentor.instrument(**telemetry.providers)
    yield instrumentor
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()
    assert _native.panics() == 0
