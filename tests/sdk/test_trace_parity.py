"""The same calls on the stock SDK and on ours give the same span, compared as the JSON that both print."""

import enum
import itertools
import json
from collections import UserDict, defaultdict
from collections.abc import Callable
from typing import Any

import opentelemetry.sdk.trace as stock
import otel_rs_sdk as ours
import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

START, MIDDLE, END = 1_735_689_599_123_456_789, 1_735_689_600_000_000_000, 1_735_689_601_999_999_999

Scenario = Callable[[Any], None]


class SequentialIds:
    """Ids that both SDKs draw alike."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)

    def generate_trace_id(self) -> int:
        return 0xABCDEF << 100 | next(self._ids)

    def generate_span_id(self) -> int:
        return next(self._ids)

    def is_trace_id_random(self) -> bool:
        return False


class Collector:
    """A span processor that keeps the JSON of what ends."""

    def __init__(self) -> None:
        self.spans: list[str] = []

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        pass

    def _on_ending(self, span: Any) -> None:
        pass

    def on_end(self, span: Any) -> None:
        dropped = (span.dropped_attributes, span.dropped_events, span.dropped_links)
        self.spans.append(f"{span.to_json()} {span.context.trace_flags} {dropped}")

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


def record(sdk: Any, scenario: Scenario, limits: dict[str, int]) -> list[str]:
    collector = Collector()
    provider = sdk.TracerProvider(
        resource=Resource({"service.name": "s", "list": ["a"], "number": 1.5}),
        shutdown_on_exit=False,
        id_generator=SequentialIds(),
        span_limits=sdk.SpanLimits(**limits),
    )
    provider.add_span_processor(collector)
    scenario(provider.get_tracer("scope", "1.0", "https://schema", {"k": "v"}))
    return collector.spans


def assert_same(scenario: Scenario, **limits: int) -> list[str]:
    expected = record(stock, scenario, limits)
    assert expected
    assert record(ours, scenario, limits) == expected
    return expected


def one_span(*calls: Callable[[Any], object], **start: Any) -> Scenario:
    """A scenario of one span, started, called upon, and ended."""

    def scenario(tracer: Any) -> None:
        span = tracer.start_span("span", start_time=START, **start)
        for call in calls:
            call(span)
        span.end(END)

    return scenario


class Colour(enum.IntEnum):
    """An integer that is more than one."""

    RED = 1


class Named(str, enum.Enum):
    """A string that is more than one."""

    A = "a"


class Speaking:
    """An object with a string form of its own."""

    def __str__(self) -> str:
        return "speaking"


VALUES = {
    "text": 'ä"\\\n\x00\x7f\u2028\U0001f600',
    "empty": "",
    "bool": True,
    "int": -(2**63),
    "float": 0.1,
    "small float": 1e-7,
    "large float": 1e22,
    "whole float": 1e15,
    "none": None,
    "list": ["a", "b"],
    "tuple": (1, 2),
    "mixed": [1, "a", 2.5, None, True],
    "nested": [[1], ["a", [2]]],
    "empty list": [],
    "mapping": {"a": 1, "b": {"c": [1]}},
    "other mapping": UserDict({"a": 1}),
    "range": range(3),
    "int enum": Colour.RED,
    "str enum": Named.A,
    "speaking": Speaking(),
    "set": {1},
    "complex": 1 + 2j,
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_cleaned_alike(name: str) -> None:
    value = VALUES[name]
    assert_same(one_span(lambda span: span.set_attribute("key", value)))
    assert_same(one_span(attributes={"before": 1, "key": value, "after": 2}))


@pytest.mark.parametrize("key", ["", None, 1, b"bytes", Speaking()])
def test_an_odd_key_is_treated_alike(key: Any) -> None:
    assert_same(one_span(lambda span: span.set_attribute(key, 1)))
    assert_same(one_span(lambda span: span.set_attributes({key: 1, "good": 2})))


def test_the_last_write_of_a_key_wins_and_moves_to_the_end() -> None:
    (span,) = assert_same(
        one_span(
            lambda span: span.set_attributes({"a": 1, "b": 2}),
            lambda span: span.set_attribute("a", 3),
            attributes={"b": 0},
        )
    )
    assert list(json.loads(span.partition("} ")[0] + "}" if span.count("} ") else span)["attributes"]) == ["b", "a"]


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_limits_drop_the_same(limit: int) -> None:
    def scenario(tracer: Any) -> None:
        other = SpanContext(1, 2, is_remote=True)
        with tracer.start_span("span", start_time=START, attributes={f"k{i}": i for i in range(5)}) as span:
            span.set_attributes({f"l{i}": i for i in range(2)})
            for i in range(5):
                span.add_event(f"e{i}", {f"a{j}": j for j in range(5)}, MIDDLE)
                span.add_link(other, {f"a{j}": j for j in range(5)})
            span.end(END)

    assert_same(
        scenario,
        max_attributes=limit,
        max_events=limit,
        max_links=limit,
        max_event_attributes=limit,
        max_link_attributes=limit,
    )


@pytest.mark.parametrize("limit", [0, 1, 3, 4, 100])
def test_lengths_count_characters(limit: int) -> None:
    assert_same(
        one_span(
            lambda span: span.set_attribute("text", "äöü€"),
            lambda span: span.set_attribute("list", ["abcdef", 123456, {"k": "abcdef"}]),
            lambda span: span.add_event("event", {"text": "abcdef"}, MIDDLE),
        ),
        max_attribute_length=limit,
    )


STATUSES: list[tuple[Any, ...]] = [
    (StatusCode.OK,),
    (StatusCode.ERROR,),
    (StatusCode.ERROR, "why"),
    (StatusCode.ERROR, ""),
    (StatusCode.OK, "not for ok"),
    (StatusCode.UNSET, "not for unset"),
    (Status(StatusCode.ERROR, "why"),),
    (Status(StatusCode.ERROR, "why"), "ignored"),
    (Status(StatusCode.OK),),
    (Status(),),
]


@pytest.mark.parametrize("first", STATUSES)
@pytest.mark.parametrize("second", STATUSES)
def test_a_status_follows_the_same_rules(first: tuple[Any, ...], second: tuple[Any, ...]) -> None:
    assert_same(one_span(lambda span: span.set_status(*first), lambda span: span.set_status(*second)))


def test_exceptions_have_the_same_attributes() -> None:
    class LocalError(Exception):
        pass

    def raised(error: BaseException) -> BaseException:
        try:
            raise error from KeyError("cause")
        except BaseException as caught:
            return caught

    for error in map(raised, (ValueError("ä"), LocalError(), KeyboardInterrupt())):

        def scenario(tracer: Any, error: BaseException = error) -> None:
            span = tracer.start_span("span", start_time=START)
            span.record_exception(error, timestamp=MIDDLE)
            span.record_exception(error, {"exception.message": "mine", "extra": 1}, MIDDLE, True)
            span.end(END)

        assert_same(scenario)


@pytest.mark.parametrize("record_exception", [True, False])
@pytest.mark.parametrize("set_status_on_exception", [True, False])
@pytest.mark.parametrize("current", [True, False])
@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_a_block_left_by_an_exception(
    record_exception: bool, set_status_on_exception: bool, current: bool, error: type[BaseException]
) -> None:
    def scenario(tracer: Any) -> None:
        start = tracer.start_as_current_span if current else tracer.start_span
        options = {"record_exception": record_exception, "set_status_on_exception": set_status_on_exception}
        with pytest.raises(error), start("span", **options):
            raise error("no")

    def comparable(spans: list[str]) -> list[Any]:
        found = [json.loads(span[: span.rindex("}") + 1]) for span in spans]
        for span in found:
            del span["start_time"], span["end_time"]
            for event in span["events"]:
                del event["timestamp"]
                # The stock trace also shows the frames of the stock context manager.
                assert 'raise error("no")' in event["attributes"].pop("exception.stacktrace")
        return found

    assert comparable(record(ours, scenario, {})) == comparable(record(stock, scenario, {}))


CONTEXTS = [
    SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("a", "1"), ("b", "it's")])),
    SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(0)),
    SpanContext(2**128 - 1, 2**64 - 1, is_remote=False, trace_flags=TraceFlags(3)),
    trace.INVALID_SPAN_CONTEXT,
]


@pytest.mark.parametrize("parent", CONTEXTS, ids=str)
def test_a_parent_is_taken_alike(parent: SpanContext) -> None:
    context = trace.set_span_in_context(trace.NonRecordingSpan(parent))

    def scenario(tracer: Any) -> None:
        tracer.start_span("child", context, start_time=START).end(END)
        tracer.start_span("root", start_time=START).end(END)

    assert_same(scenario)


@pytest.mark.parametrize("context", CONTEXTS, ids=str)
@pytest.mark.parametrize("attributes", [None, {}, {"k": 1}], ids=str)
def test_links_are_kept_alike(context: SpanContext, attributes: dict[str, Any] | None) -> None:
    assert_same(one_span(links=[Link(context, attributes)]))
    assert_same(one_span(lambda span: span.add_link(context, attributes), links=None))


@pytest.mark.parametrize("kind", SpanKind)
def test_kinds_and_names(kind: SpanKind) -> None:
    assert_same(one_span(lambda span: span.update_name("renamed"), kind=kind))


def late_calls(span: Any) -> None:
    span.end(END)
    span.set_attribute("late", 1)
    span.set_attributes({"late": 1})
    span.add_event("late")
    span.add_link(CONTEXTS[0])
    span.update_name("late")
    span.set_status(StatusCode.ERROR)


def test_an_ended_span_stays_as_it_is_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    assert_same(one_span(late_calls))
    messages = defaultdict(list)
    for line in caplog.records:
        messages[line.name].append(line.getMessage())
    assert messages["otel_rs_sdk"] == [f"otel-rs: {line}" for line in messages["opentelemetry.sdk.trace"]] != []
