"""The console exporter prints the JSON of the stock one."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

RECORD = """
provider = MeterProvider([PeriodicExportingMetricReader(ConsoleMetricExporter())], resource=Resource({"a": [1, 2]}))
meter = provider.get_meter("scope", "1.0", "https://schema", {"x": 1})
counter = meter.create_counter("counter", "1", "counts")
counter.add(1, {"k": "v", "n": 2})
meter.create_counter("double").add(0.5)
meter.create_histogram("histogram", "ms").record(12, {"k": "ä"})
meter.create_gauge("gauge").set(2)
provider.shutdown()
"""
STOCK = """
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
"""
NATIVE = "from otel_rs_sdk import *\n"


def printed(program: str) -> Any:
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    return without_times(output)


def without_times(text: str) -> list[str]:
    """The lines, with each time replaced: their order and indentation count too."""
    times = ("start_time_unix_nano", "time_unix_nano")
    json.loads(text)
    lines = text.splitlines()
    return [line.split(":")[0] if line.split('"')[1:2] and line.split('"')[1] in times else line for line in lines]


def test_the_json_is_that_of_the_stock_exporter() -> None:
    assert printed(NATIVE + RECORD) == printed(STOCK + RECORD)
