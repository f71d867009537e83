"""The arguments of the stock exporters, in their order, and what they do."""

from __future__ import annotations

import inspect
from typing import Any

import otel_rs_sdk
import pytest
from opentelemetry import metrics as api
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality as Wire
from opentelemetry.sdk import metrics as stock
from opentelemetry.sdk.metrics import view as stock_view
from opentelemetry.sdk.metrics.export import AggregationTemporality
from opentelemetry.sdk.metrics.view import (
    DefaultAggregation,
    DropAggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    LastValueAggregation,
    SumAggregation,
)

from sdk.two_sdks import NATIVE, STOCK, Sdk, both_sdks, run
from support.otlp_receiver import OtlpReceiver

DELTA, CUMULATIVE = AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE
PREFERENCE = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
HISTOGRAM_AGGREGATION = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"


@pytest.mark.parametrize("name", ["OTLPSpanExporter", "OTLPMetricExporter"])
def test_the_signature_is_that_of_the_stock_exporter(name: str) -> None:
    def signature(sdk: Sdk) -> list[Any]:
        parameters = inspect.signature(getattr(sdk, name)).parameters.values()
        return [(parameter.name, parameter.kind, parameter.default) for parameter in parameters]

    # `_transport` is not public.
    assert signature(NATIVE) == [parameter for parameter in signature(STOCK) if not parameter[0].startswith("_")]


@both_sdks
def test_positional_arguments_have_their_order(sdk: Sdk, receiver: OtlpReceiver) -> None:
    provider = sdk.TracerProvider()
    exporter = sdk.OTLPSpanExporter(f"{receiver.endpoint}/mine", None, None, None, {"X-Mine": "1"}, 5, None, None)
    provider.add_span_processor(sdk.BatchSpanProcessor(exporter))
    provider.get_tracer("scope").start_span("s").end()
    provider.shutdown()
    assert receiver.paths == ["/mine"]
    assert {name.lower(): value for name, value in receiver.headers[0].items()}["x-mine"] == "1"


@both_sdks
def test_a_subclass_has_arguments_of_its_own(sdk: Sdk, receiver: OtlpReceiver) -> None:
    class Tenants(sdk.OTLPSpanExporter):  # type: ignore[name-defined, misc]
        def __init__(self, tenant: str, *, region: str) -> None:
            super().__init__(endpoint=f"{receiver.endpoint}/{region}", headers={"x-tenant": tenant})

    provider = sdk.TracerProvider()
    provider.add_span_processor(sdk.BatchSpanProcessor(Tenants("acme", region="eu")))
    provider.get_tracer("scope").start_span("s").end()
    provider.shutdown()
    assert receiver.paths == ["/eu"]
    assert {name.lower(): value for name, value in receiver.headers[0].items()}["x-tenant"] == "acme"


def test_a_subclass_that_gives_nothing_has_what_the_environment_says(
    receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent(otel_rs_sdk.OTLPMetricExporter):
        def __init__(self, name: str) -> None:
            self.name = name

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
    provider = otel_rs_sdk.MeterProvider([otel_rs_sdk.PeriodicExportingMetricReader(Silent("mine"))])
    provider.get_meter("scope").create_counter("c").add(1)
    provider.shutdown()
    assert receiver.paths == ["/v1/metrics"]


def record(sdk: Sdk, receiver: OtlpReceiver, **arguments: Any) -> dict[str, Any]:
    """One metric of each synchronous kind, by name as it was received."""
    with sdk.meter(endpoint=f"{receiver.endpoint}/v1/metrics", **arguments) as meter:
        meter.create_counter("counter").add(3)
        meter.create_up_down_counter("up_down_counter").add(4)
        histogram = meter.create_histogram("histogram", explicit_bucket_boundaries_advisory=[5.0])
        for value in (0, 1, 3, 1000):
            histogram.record(value)
        meter.create_gauge("gauge").set(5)
    return {received.message.name: received.message for received in receiver.metrics}


@both_sdks
@pytest.mark.parametrize(
    ("preference", "argument", "deltas"),
    [
        ("", {stock.Counter: DELTA}, {"counter"}),
        ("", {stock.Histogram: DELTA, stock.UpDownCounter: DELTA}, {"histogram", "up_down_counter"}),
        ("delta", {stock.Counter: CUMULATIVE, stock.ObservableGauge: DELTA}, {"histogram"}),
        ("delta", {}, {"counter", "histogram"}),
    ],
)
def test_preferred_temporality(
    sdk: Sdk,
    receiver: OtlpReceiver,
    monkeypatch: pytest.MonkeyPatch,
    preference: str,
    argument: dict[type, AggregationTemporality],
    deltas: set[str],
) -> None:
    if preference:
        monkeypatch.setenv(PREFERENCE, preference)
    metrics = record(sdk, receiver, preferred_temporality=argument)
    found = {
        name
        for name, metric in metrics.items()
        if name != "gauge"
        and getattr(metric, metric.WhichOneof("data")).aggregation_temporality == Wire.AGGREGATION_TEMPORALITY_DELTA
    }
    assert found == deltas


@pytest.mark.parametrize("key", [api.Counter, otel_rs_sdk._metrics.Counter])
@pytest.mark.parametrize("value", [DELTA, otel_rs_sdk.AggregationTemporality.DELTA, "delta"])
def test_classes_and_values_of_other_packages_do_as_well(key: type, value: Any, receiver: OtlpReceiver) -> None:
    metrics = record(NATIVE, receiver, preferred_temporality={key: value})
    assert metrics["counter"].sum.aggregation_temporality == Wire.AGGREGATION_TEMPORALITY_DELTA
    assert metrics["histogram"].histogram.aggregation_temporality == Wire.AGGREGATION_TEMPORALITY_CUMULATIVE


@both_sdks
@pytest.mark.parametrize(
    ("aggregation", "data", "shape"),
    [
        (ExplicitBucketHistogramAggregation([1.0, 10.0]), "histogram", ([1.0, 10.0], [2, 1, 1])),
        (ExplicitBucketHistogramAggregation(), "histogram", ([5.0], [3, 1])),
        (DefaultAggregation(), "histogram", ([5.0], [3, 1])),
        (SumAggregation(), "sum", None),
        (DropAggregation(), None, None),
    ],
)
def test_preferred_aggregation(
    sdk: Sdk, receiver: OtlpReceiver, aggregation: Any, data: str | None, shape: Any
) -> None:
    metrics = record(sdk, receiver, preferred_aggregation={stock.Histogram: aggregation})
    if data is None:
        assert "histogram" not in metrics
        return
    histogram = metrics["histogram"]
    assert histogram.WhichOneof("data") == data
    [point] = getattr(histogram, data).data_points
    if shape is None:
        assert (point.as_int or point.as_double) == 1004
    else:
        assert (list(point.explicit_bounds), list(point.bucket_counts)) == shape


@pytest.mark.parametrize("module", [otel_rs_sdk, stock_view], ids=["native", "stock"])
@pytest.mark.parametrize("record_min_max", [True, False])
def test_minimum_and_maximum_are_optional(module: Any, record_min_max: bool, receiver: OtlpReceiver) -> None:
    aggregation = module.ExplicitBucketHistogramAggregation([1.0], record_min_max=record_min_max)
    metrics = record(NATIVE, receiver, preferred_aggregation={stock.Histogram: aggregation})
    [point] = metrics["histogram"].histogram.data_points
    assert (list(point.bucket_counts), point.HasField("max")) == ([2, 2], record_min_max)


@pytest.mark.parametrize("by", ["argument", "variable"])
def test_an_exponential_histogram_is_that_of_stock(
    by: str, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: dict[str, Any] = {}
    if by == "argument":
        arguments["preferred_aggregation"] = {stock.Histogram: ExponentialBucketHistogramAggregation(max_size=4)}
    else:
        monkeypatch.setenv(HISTOGRAM_AGGREGATION, "base2_exponential_bucket_histogram")
    points = []
    for sdk in (STOCK, NATIVE):
        [point] = record(sdk, receiver, **arguments)["histogram"].exponential_histogram.data_points
        # One takes empty buckets along.
        filled = {point.positive.offset + i: count for i, count in enumerate(point.positive.bucket_counts) if count}
        points.append((point.count, point.sum, point.scale, point.zero_count, filled, point.min, point.max))
    assert points[0] == points[1]


@both_sdks
def test_a_request_has_no_more_points_than_wanted(sdk: Sdk, receiver: OtlpReceiver) -> None:
    with sdk.meter(endpoint=f"{receiver.endpoint}/v1/metrics", max_export_batch_size=3) as meter:
        counter = meter.create_counter("c")
        for number in range(7):
            counter.add(number + 1, {"number": number})
        meter.create_gauge("g").set(1)
    assert len(receiver.paths) == 3
    sums = [received for received in receiver.metrics if received.message.name == "c"]
    assert sorted(point.as_int for received in sums for point in received.points) == [1, 2, 3, 4, 5, 6, 7]
    assert all(received.message.sum.is_monotonic and received.scope.name == "scope" for received in sums)
    assert sum(len(received.points) for received in receiver.metrics) == 8


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        (
            "preferred_temporality={int: AggregationTemporality.DELTA}",
            "the argument preferred_temporality has the key <class 'int'>; expected a class of instruments",
        ),
        (
            "preferred_temporality={metrics.Counter: 7}",
            "the argument preferred_temporality of Counter is 7; expected AggregationTemporality.DELTA or CUMULATIVE",
        ),
        (
            "preferred_aggregation={metrics.Counter: ExplicitBucketHistogramAggregation()}",
            "the argument preferred_aggregation of Counter is ExplicitBucketHistogramAggregation(",
        ),
        (
            "preferred_aggregation={metrics.Histogram: ExplicitBucketHistogramAggregation([2, 1])}",
            "expected boundaries that are finite and ascend; using the default aggregation",
        ),
    ],
)
def test_a_preference_that_cannot_be_used_is_one_line(argument: str, line: str) -> None:
    program = f"""
from opentelemetry import metrics
from otel_rs_sdk import AggregationTemporality, ExplicitBucketHistogramAggregation, OTLPMetricExporter
OTLPMetricExporter({argument})
"""
    log = run(program)
    assert log.count("\n") == 1
    assert log.startswith("WARNING otel-rs: ")
    assert line in log


def test_a_last_value_is_what_a_gauge_has_anyway(receiver: OtlpReceiver) -> None:
    metrics = record(NATIVE, receiver, preferred_aggregation={stock.ObservableGauge: LastValueAggregation()})
    assert [point.as_int for point in metrics["gauge"].gauge.data_points] == [5]


@both_sdks
@pytest.mark.parametrize("arguments", [{"meter_provider": None}, {"max_request_size": -1}, {"certificate_file": ""}])
def test_arguments_that_change_nothing_here(sdk: Sdk, receiver: OtlpReceiver, arguments: dict[str, Any]) -> None:
    with sdk.tracer(endpoint=f"{receiver.endpoint}/v1/traces", **arguments) as tracer:
        tracer.start_span("s").end()
    assert [span.name for span in receiver.spans] == ["s"]
