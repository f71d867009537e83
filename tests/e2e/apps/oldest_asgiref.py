"""Makes and calls bridges, instrumented, and prints a line of JSON for each span."""

import asyncio
import importlib
import json
import sys
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from collector import Collector
from opentelemetry import trace
from otel_rs_instr_asgiref import AsgirefInstrumentor


def function(value: int) -> tuple[int, int]:
    return value, trace.get_current_span().get_span_context().span_id


async def coroutine(value: int) -> tuple[int, int]:
    await asyncio.sleep(0)
    return await sync_to_async(function)(value)


def main() -> None:
    provider: Any = importlib.import_module(sys.argv[1]).TracerProvider()
    collector = Collector()
    provider.add_span_processor(collector)
    AsgirefInstrumentor().instrument(tracer_provider=provider)
    with provider.get_tracer("app").start_as_current_span("outer"):
        value, inside = async_to_sync(coroutine)(7)
    assert value == 7
    for span in collector.spans:
        parent = span.parent.span_id if span.parent else None
        line = {
            "name": span.name,
            "id": span.context.span_id,
            "parent": parent,
            "is_inside": span.context.span_id == inside,
            "attributes": sorted(span.attributes),
            "events": [event.name for event in span.events],
        }
        print(json.dumps(line))


if __name__ == "__main__":
    main()
