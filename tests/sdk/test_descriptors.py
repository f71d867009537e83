"""A program that becomes a daemon closes the descriptors of others, whose numbers then go to its own files."""

import pytest

from sdk.two_sdks import run
from support.otlp_receiver import OtlpReceiver

TRACES = """
from otel_rs_sdk import *
provider = TracerProvider()
provider.add_span_processor({processor}(OTLPSpanExporter(timeout=3)))
def record():
    provider.get_tracer("scope").start_span("span").end()
    provider.force_flush(4000)
"""

METRICS = """
from otel_rs_sdk import *
provider = MeterProvider(metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter(timeout=3))])
counter = provider.get_meter("scope").create_counter("counter")
def record():
    counter.add(1)
    provider.force_flush(4000)
"""

PROGRAM = """
import os, tempfile
record()
os.closerange(3, 1000)
folder = tempfile.mkdtemp()
files = [os.open(os.path.join(folder, str(number)), os.O_RDWR | os.O_CREAT) for number in range(12)]
record()
assert [os.fstat(file).st_size for file in files] == [0] * 12
for file in files:
    os.close(file)
record()
provider.shutdown()
"""


@pytest.mark.parametrize(
    "records",
    [TRACES.format(processor="BatchSpanProcessor"), TRACES.format(processor="SimpleSpanProcessor"), METRICS],
    ids=["batch", "simple", "metrics"],
)
def test_its_files_are_neither_written_nor_closed(receiver: OtlpReceiver, records: str) -> None:
    run(records + PROGRAM, {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint})
    # What was on its way when the connection was lost is sent again.
    assert len(receiver.paths) >= 2
