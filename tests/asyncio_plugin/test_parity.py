"""Random programs: the application gets what it gets bare, and the telemetry is that of the stock package."""

from __future__ import annotations

import gc
import logging
import warnings
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from opentelemetry.instrumentation.asyncio import AsyncioInstrumentor as StockInstrumentor
from otel_rs_instr_asyncio import AsyncioInstrumentor

from asyncio_plugin.measured import created
from asyncio_plugin.programs import NAMES, Runner, Work, programs
from support.telemetry import Telemetry

STACKS: dict[str, tuple[Any, bool]] = {
    "bare": (None, False),
    "stock": (StockInstrumentor, False),
    "ours on the stock SDK": (AsyncioInstrumentor, False),
    "ours": (AsyncioInstrumentor, True),
}


def run(stack: str, program: Work) -> tuple[Any, dict[str, Any]]:
    """What came of a program on a stack, and what was recorded."""
    make_instrumentor, native = STACKS[stack]
    telemetry = Telemetry(native=native)
    instrumentor = make_instrumentor and make_instrumentor()
    if instrumentor:
        instrumentor.instrument(**telemetry.providers)
    try:
        with warnings.catch_warnings():
            # Stock forgets to await what is cancelled before its first step.
            warnings.simplefilter("ignore")
            result = Runner(telemetry.tracer_provider.get_tracer("application")).run(program)
            gc.collect()
    finally:
        if instrumentor:
            instrumentor.uninstrument()
    recorded = {"metrics": created(telemetry), "spans": Counter(map(str, _spans(telemetry)))}
    telemetry.tracer_provider.shutdown()
    telemetry.meter_provider.shutdown()
    return result, recorded


def _spans(telemetry: Telemetry) -> Any:
    """Each span with the names of its ancestors, and what it says; but not how its stack trace reads."""
    by_id = {span.context.span_id: span for span in telemetry.spans}
    for span in telemetry.spans:
        path, parent = [span.name], span.parent
        while parent is not None:
            path.append(by_id[parent.span_id].name)
            parent = by_id[parent.span_id].parent
        events = []
        for event in span.events:
            attributes = dict(event.attributes or {})
            assert attributes.pop("exception.stacktrace")
            events.append((event.name, sorted(attributes.items())))
        status = (span.status.status_code.name, span.status.description)
        yield path, span.kind.name, dict(span.attributes or {}), status, events


@pytest.fixture(scope="module")
def _variables() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        traced = ",".join(name for name in NAMES if name.startswith("traced"))
        patch.setenv("OTEL_PYTHON_ASYNCIO_COROUTINE_NAMES_TO_TRACE", traced)
        patch.setenv("OTEL_PYTHON_ASYNCIO_TO_THREAD_FUNCTION_NAMES_TO_TRACE", traced)
        patch.setenv("OTEL_PYTHON_ASYNCIO_FUTURE_TRACE_ENABLED", "true")
        level = logging.getLogger("asyncio").level
        # It says which exceptions nobody has retrieved, of which random programs have many.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        yield
        logging.getLogger("asyncio").setLevel(level)


@pytest.mark.usefixtures("_variables")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs())
def test_programs(program: Work) -> None:
    bare, _ = run("bare", program)
    _, stock = run("stock", program)
    for stack in ("ours on the stock SDK", "ours"):
        result, recorded = run(stack, program)
        assert result == bare
        assert recorded == stock
