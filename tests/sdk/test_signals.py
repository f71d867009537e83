"""Signals belong to the application: what it blocks stays pending, whatever threads export."""

import pytest

from sdk.two_sdks import run
from support.otlp_receiver import OtlpReceiver, span_names

TRACES = """
from otel_rs_sdk import *
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
provider.get_tracer("scope").start_span("before").end()
"""

METRICS = """
from otel_rs_sdk import *
provider = MeterProvider(metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter())])
provider.get_meter("scope").create_counter("before").add(1)
"""

BLOCKING = """
import os, signal, time
provider.force_flush()
signals = {signal.SIGUSR1, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
for number in signals:
    os.kill(os.getpid(), number)
time.sleep(0.2)
assert signals <= signal.sigpending(), signal.sigpending()
assert {signal.sigwait(signals), signal.sigwait(signals)} == signals
"""


@pytest.mark.parametrize("records", [TRACES, METRICS, TRACES + METRICS], ids=["traces", "metrics", "both"])
def test_a_blocked_signal_stays_pending(receiver: OtlpReceiver, records: str) -> None:
    run(records + BLOCKING, {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint})
    if records.startswith(TRACES):
        assert span_names(receiver.spans) == {"before": 1}
