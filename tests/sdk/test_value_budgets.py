"""Values that contain themselves, that have no end or that fill the memory cost a bounded time and memory."""

from __future__ import annotations

import itertools
import resource
import signal
import subprocess
import sys
import textwrap
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from opentelemetry.trace import SpanContext
from otel_rs_sdk import MeterProvider, Resource, Span, SpanLimits, TracerProvider


def itself() -> list[Any]:
    """A list that contains itself three times."""
    value: list[Any] = []
    value.extend([value, value, value])
    return value


def doubly_linked() -> dict[str, Any]:
    """Dictionaries that know their neighbours."""
    nodes: list[dict[str, Any]] = [{"name": number} for number in range(10)]
    for one, other in itertools.pairwise(nodes):
        one["next"], other["previous"] = other, one
    return nodes[0]


def doubling() -> tuple[Any, ...]:
    """A value of 2 ** 30 items, in 30 objects."""
    value: tuple[Any, ...] = ()
    for _ in range(30):
        value = (value, value)
    return value


class Endless(Sequence[int]):
    """A sequence without an end."""

    def __getitem__(self, index: Any) -> Any:
        return index

    def __len__(self) -> int:
        return sys.maxsize


class EndlessMapping(dict[str, int]):
    """A mapping without an end."""

    def items(self) -> Any:
        return ((f"key {number}", number) for number in itertools.count())


VALUES: dict[str, Callable[[], Any]] = {
    "a list in itself": itself,
    "a doubly linked list": doubly_linked,
    "a shared tuple": doubling,
    "a sequence": Endless,
    "a mapping": EndlessMapping,
    "a list of mappings": lambda: [EndlessMapping(), itself()],
}


def started() -> Span:
    span = TracerProvider(shutdown_on_exit=False).get_tracer("scope").start_span("span")
    assert isinstance(span, Span)
    return span


@pytest.mark.timeout(90)
@pytest.mark.parametrize("name", VALUES)
def test_such_a_value_is_dropped_and_counted(name: str) -> None:
    span = started()
    span.set_attribute("odd", VALUES[name]())
    span.set_attribute("other", [1, [2, 3]])
    assert dict(span.attributes) == {"other": (1, (2, 3))}
    assert span.dropped_attributes == 1
    span.add_event("event", {"odd": VALUES[name](), "other": 1})
    assert dict(span.events[0].attributes or {}) == {"other": 1}
    span.add_link(SpanContext(1, 2, False), {"odd": VALUES[name](), "other": 1})
    assert dict(span.links[0].attributes or {}) == {"other": 1}


@pytest.mark.timeout(90)
@pytest.mark.parametrize("name", VALUES)
def test_so_it_is_in_resources_and_measurements(name: str) -> None:
    assert dict(Resource({"odd": VALUES[name](), "other": 1}).attributes) == {"other": 1}
    counter = MeterProvider(shutdown_on_exit=False).get_meter("scope").create_counter("counter")
    counter.add(1, {"odd": VALUES[name](), "other": 1})


@pytest.mark.timeout(90)
def test_many_attributes_take_time_by_their_number() -> None:
    many = {f"key {number}": number for number in range(200_000)}
    provider = TracerProvider(span_limits=SpanLimits(max_span_attributes=SpanLimits.UNSET), shutdown_on_exit=False)
    span = provider.get_tracer("scope").start_span("span")
    assert isinstance(span, Span)
    span.set_attributes(many)
    for key in many:
        span.set_attribute(key, 1)
    assert len(span.attributes) == 200_000
    assert list(span.attributes)[-1] == "key 199999"
    counter = MeterProvider(shutdown_on_exit=False).get_meter("scope").create_counter("counter")
    counter.add(1, dict(itertools.islice(many.items(), 50_000)))
    started().record_exception(ValueError(), many)
    assert len(Resource(many).attributes) == 200_000


@pytest.mark.timeout(90)
def test_a_key_that_is_written_again_is_the_last_one_among_many() -> None:
    span = started()
    span.set_attributes({f"key {number}": number for number in range(128)})
    span.set_attribute("key 3", "again")
    span.set_attribute("new", 1)
    keys = list(span.attributes)
    assert (len(keys), keys[0], keys[-2:], span.dropped_attributes) == (128, "key 1", ["key 3", "new"], 1)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory")
@pytest.mark.parametrize(
    "value", ["'x' * SIZE", "'ä' * (SIZE // 2)", "b'x' * SIZE", "['x' * SIZE]", "{'a': b'x' * SIZE}"]
)
def test_a_large_value_does_not_end_the_process(value: str) -> None:
    program = textwrap.dedent(f"""
        from otel_rs_sdk import TracerProvider
        SIZE = 600 * 1024 * 1024
        span = TracerProvider(shutdown_on_exit=False).get_tracer("scope").start_span("span")
        value = {value}
        span.set_attribute("large", value)
        span.add_event("event", {{"large": value}})
        span.update_name("name")
        print(span.name)
    """)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

    process = subprocess.run(
        [sys.executable, "-c", program], preexec_fn=limit, capture_output=True, text=True, timeout=60, check=False
    )
    assert (process.returncode, process.stdout) == (0, "name\n"), process.stderr


def test_an_indentation_is_bounded() -> None:
    for indent in (2**40, 2**62, sys.maxsize):
        assert len(started().to_json(indent=indent)) < 100_000
        assert len(Resource({"a": 1}).to_json(indent=indent)) < 100_000


def test_tracers_of_names_that_vary_are_not_kept() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    for number in range(5_000):
        provider.get_tracer(f"tenant {number}")
    tracemalloc.start()
    for number in range(20_000):
        provider.get_tracer(f"other {number}", attributes={"tenant": number})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
    tracer = provider.get_tracer("other 1")
    span = tracer.start_span("span")
    assert isinstance(span, Span)
    assert span.instrumentation_scope.name == "other 1"


@pytest.mark.timeout(90)
def test_a_signal_handler_may_ask_for_the_context_that_is_being_made() -> None:
    seen: list[int] = []
    current: list[Span] = [started()]

    def handler(number: int, frame: object) -> None:
        seen.append(current[0].get_span_context().trace_id)

    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        while len(seen) < 200:
            current[0] = started()
            assert current[0].get_span_context() is current[0].get_span_context()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def test_a_finalizer_may_too() -> None:
    class Trap(str):
        __slots__ = ()

        def __hash__(self) -> int:
            span.get_span_context()
            return super().__hash__()

    span = started()
    span.set_attributes({Trap("key"): 1})
    assert dict(span.attributes) == {"key": 1}
