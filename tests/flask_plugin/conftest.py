"""The plugin on the stock SDK, in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from otel_rs_instr_flask import FlaskInstrumentor

from support.telemetry import Telemetry


@pytest.fixture(params=["stock-sdk", "native"])
def telemetry(request: pytest.FixtureRequest) -> Iterator[Telemetry]:
    """New providers."""
    telemetry = Telemetry(native=request.param == "native")
    yield telemetry
    telemetry.tracer_provider.shutdown()
    telemetry.meter_provider.shutdown()


@pytest.fixture
def instrumentor() -> Iterator[FlaskInstrumentor]:
    """The instrumentor, uninstrumented in the end."""
    instrumentor = FlaskInstrumentor()
    yield instrumentor
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()
