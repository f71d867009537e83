"""Metrics of the native SDK beside those of the stock SDK, as a collector receives them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry import metrics

from sdk.two_sdks import NATIVE, STOCK, Sdk, both_sdks, run
from support.otlp_receiver import OtlpReceiver


def record(meter: Any) -> None:
    """Instruments of each kind, with values of each type."""
    counter = meter.create_counter("My.Counter", "1", "counts")
    counter.add(1, {"a": "b"})
    counter.add(2, {"a": "b"})
    counter.add(5)
    meter.create_counter("double").add(1.5)
    mixed = meter.create_up_down_counter("mixed")
    mixed.add(-3)
    mixed.add(0.5)
    meter.create_up_down_counter("down").add(-3)
    histogram = meter.create_histogram("duration", "ms")
    histogram.record(3, {"list": [1, 2], "flag": True})
    histogram.record(700, {"list": [1, 2], "flag": True})
    meter.create_histogram("advised", explicit_bucket_boundaries_advisory=[1, 2.5, 3]).record(2.5)
    gauge = meter.create_gauge("gauge")
    gauge.set(4)
    gauge.set(3)
    meter.create_counter("unused")


def on_the_wire(sdk: Sdk, receiver: OtlpReceiver) -> dict[str, Any]:
    """What :func:`record` records, by the name of the metric, without times and in one order."""
    seen = len(receiver.metrics)
    with sdk.meter(sdk.Resource({"service.name": "s"}), endpoint=f"{receiver.endpoint}/v1/metrics") as meter:
        record(meter)
    exported = {}
    for received in receiver.metrics[seen:]:
        message = MessageToDict(received.message)
        for kind in ("sum", "gauge", "histogram"):
            points = message.get(kind, {}).get("dataPoints", [])
            for point in points:
                assert point.pop("timeUnixNano")
                assert ("startTimeUnixNano" in point) == (kind != "gauge")
                point.pop("startTimeUnixNano", None)
                point.get("attributes", []).sort(key=lambda attribute: attribute["key"])
            points.sort(key=json.dumps)
        scope = MessageToDict(received.scope)
        exported[received.message.name] = (message, scope, received.schema_url, received.resource)
    return exported


def test_metrics_have_the_fields_and_values_that_the_stock_exporter_sends(receiver: OtlpReceiver) -> None:
    native, stock = on_the_wire(NATIVE, receiver), on_the_wire(STOCK, receiver)
    assert native == stock
    assert set(native) == {"my.counter", "double", "mixed", "down", "duration", "advised", "gauge"}


@both_sdks
@pytest.mark.parametrize(("preference", "temporality"), [("delta", 1), ("LowMemory", 1), ("cumulative", 2)])
def test_temporality(
    sdk: Sdk, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch, preference: str, temporality: int
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", preference)
    with sdk.meter(endpoint=f"{receiver.endpoint}/v1/metrics") as meter:
        meter.create_counter("counter").add(1)
        meter.create_histogram("histogram").record(1)
        meter.create_up_down_counter("up_down").add(1)
    exported = {metric.message.name: metric.message for metric in receiver.metrics}
    assert exported["counter"].sum.aggregation_temporality == temporality
    assert exported["histogram"].histogram.aggregation_temporality == temporality
    assert exported["up_down"].sum.aggregation_temporality == 2


@both_sdks
def test_metrics_are_exported_from_time_to_time(
    sdk: Sdk, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "50")
    with sdk.meter(endpoint=f"{receiver.endpoint}/v1/metrics") as meter:
        counter = meter.create_counter("counter")
        counter.add(1)
        assert receiver.wait_for(lambda receiver: len(receiver.metrics) >= 2)
        counter.add(1)
    assert [point.as_int for point in receiver.latest_points("counter")] == [2]


@both_sdks
def test_nothing_recorded_is_nothing_exported(sdk: Sdk, receiver: OtlpReceiver) -> None:
    with sdk.meter(endpoint=f"{receiver.endpoint}/v1/metrics") as meter:
        meter.create_counter("counter")
    assert receiver.paths == []


def test_a_child_has_points_and_a_resource_of_its_own(receiver: OtlpReceiver) -> None:
    program = f"""
import os, sys
from otel_rs_sdk import *
exporter = OTLPMetricExporter(endpoint="{receiver.endpoint}/v1/metrics")
provider = MeterProvider([PeriodicExportingMetricReader(exporter)])
counter = provider.get_meter("scope").create_counter("counter")
counter.add(1)
children = []
for _ in range(2):
    child = os.fork()
    if child == 0:
        counter.add(10)
        grandchild = os.fork()
        if grandchild == 0:
            counter.add(100)
            provider.shutdown()
            os._exit(0)
        os.waitpid(grandchild, 0)
        provider.shutdown()
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
counter.add(1)
provider.shutdown()
"""
    run(f"import warnings; warnings.simplefilter('ignore')\n{program}")
    points = sorted(point.as_int for point in receiver.latest_points("counter"))
    assert points == [2, 10, 10, 100, 100]
    instances = {metric.resource["service.instance.id"] for metric in receiver.metrics}
    assert len(instances) == 5


def test_deadlines_hold_while_the_collector_hangs(receiver: OtlpReceiver) -> None:
    receiver.hang = True
    program = f"""
import time
from otel_rs_sdk import *
exporter = OTLPMetricExporter(endpoint="{receiver.endpoint}/v1/metrics")
provider = MeterProvider([PeriodicExportingMetricReader(exporter)], shutdown_on_exit=False)
provider.get_meter("scope").create_counter("counter").add(1)
started = time.monotonic()
assert not provider.force_flush(100)
provider.shutdown(100)
assert time.monotonic() - started < 2
"""
    assert "could not be exported within 100 ms" in run(program)


def test_a_child_forked_in_the_middle_of_an_export_works(receiver: OtlpReceiver) -> None:
    receiver.hang = True
    program = f"""
import os, time, warnings
warnings.simplefilter("ignore")
from otel_rs_sdk import *
exporter = OTLPMetricExporter(endpoint="{receiver.endpoint}/v1/metrics", timeout=30)
provider = MeterProvider([PeriodicExportingMetricReader(exporter)], shutdown_on_exit=False)
counter = provider.get_meter("scope").create_counter("counter")
counter.add(1)
provider.force_flush(100)
child = os.fork()
if child == 0:
    for _ in range(100):
        counter.add(1)
    started = time.monotonic()
    provider.force_flush(100)
    provider.shutdown(100)
    os._exit(0 if time.monotonic() - started < 2 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    run(program)
    assert len(receiver.paths) >= 2


def test_the_instruments_are_those_of_the_api() -> None:
    provider = NATIVE.MeterProvider()
    meter = provider.get_meter("scope", "1", "url")
    assert isinstance(provider, metrics.MeterProvider)
    assert isinstance(meter, metrics.Meter)
    assert (meter.name, meter.version, meter.schema_url) == ("scope", "1", "url")
    assert isinstance(meter.create_counter("a"), metrics.Counter)
    assert isinstance(meter.create_up_down_counter("a"), metrics.UpDownCounter)
    assert isinstance(meter.create_histogram("a"), metrics.Histogram)
    assert isinstance(meter.create_observable_gauge("a"), metrics.ObservableGauge)


@both_sdks
@pytest.mark.parametrize(("name", "unit"), [("1a", ""), ("", ""), ("a b", ""), ("a" * 256, ""), ("a", "u" * 64)])
def test_an_invalid_name_or_unit_raises(sdk: Sdk, name: str, unit: str) -> None:
    meter = sdk.MeterProvider(shutdown_on_exit=False).get_meter("scope")
    with pytest.raises(Exception, match="Expected ASCII string"):
        meter.create_counter(name, unit)


def test_what_makes_no_sense_is_ignored(receiver: OtlpReceiver) -> None:
    with NATIVE.meter(endpoint=f"{receiver.endpoint}/v1/metrics") as meter:
        counter = meter.create_counter("counter")
        counter.add(-1)
        counter.add(float("nan"))
        counter.add("many")
        counter.add(True)
        counter.add(1, {"": 1, "surrogate": "\ud800", "wide": 2**70})
    points = receiver.latest_points("counter")
    assert sorted(point.as_int for point in points) == [1, 1]


def test_a_reader_or_exporter_in_python_is_refused_clearly() -> None:
    with pytest.raises(TypeError, match="not supported yet"):
        NATIVE.PeriodicExportingMetricReader(object())
    with pytest.raises(TypeError, match="not supported yet"):
        NATIVE.MeterProvider(metric_readers=[object()])
    with pytest.raises(ValueError, match="larger than zero"):
        NATIVE.PeriodicExportingMetricReader(NATIVE.OTLPMetricExporter(), export_interval_millis=0)


def test_observable_instruments_are_said_not_to_be_collected() -> None:
    program = """
import otel_rs_sdk
meter = otel_rs_sdk.MeterProvider().get_meter("scope")
meter.create_observable_gauge("first", [lambda options: []])
meter.create_observable_counter("second", [lambda options: []])
"""
    log = run(program)
    assert log.count("\n") == 1
    assert "Observable instruments (first is the first) are not collected" in log


def test_the_disabled_sdk_gives_what_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert isinstance(NATIVE.MeterProvider().get_meter("scope"), metrics.NoOpMeter)
