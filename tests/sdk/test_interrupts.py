"""What is no ``Exception`` and arises in code of the user's that we call reaches the application."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any, cast

import otel_rs_sdk
import pytest
from otel_rs_sdk import MeterProvider, SimpleSpanProcessor, TracerProvider


class Interrupt(BaseException):
    """As ``gevent.Timeout``."""


def interrupt(*_: Any, **__: Any) -> Any:
    raise Interrupt


class Raising:
    """Whatever is asked of it raises."""

    def __init__(self, *methods: str) -> None:
        for method in methods:
            setattr(self, method, interrupt)

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__") or name == "_on_ending":
            raise AttributeError(name)
        return lambda *_, **__: None


class Unprintable:
    """Its string form raises."""

    def __str__(self) -> str:
        raise Interrupt


class Unreadable(dict[str, str]):
    """A mapping that cannot be read."""

    def items(self) -> Any:
        raise Interrupt


class Unending(list[int]):
    """A sequence that cannot be read."""

    def __iter__(self) -> Iterator[int]:
        raise Interrupt


def ends_with_processor(**methods: Any) -> Callable[[], object]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(type("Processor", (Raising,), methods)())
    return lambda: provider.get_tracer("scope").start_span("span").end()


def ends_with_exporter() -> object:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(Raising("export")))
    return provider.get_tracer("scope").start_span("span").end()


def starts_with_sampler() -> object:
    return TracerProvider(Raising("should_sample"), shutdown_on_exit=False).get_tracer("scope").start_span("span")


def starts_with_ids() -> object:
    ids = Raising("generate_trace_id", "generate_span_id")
    return TracerProvider(id_generator=ids, shutdown_on_exit=False).get_tracer("scope").start_span("span")


def span() -> Any:
    return TracerProvider(shutdown_on_exit=False).get_tracer("scope").start_span("span")


def counter() -> Any:
    return MeterProvider(shutdown_on_exit=False).get_meter("scope").create_counter("counter")


CALLS: dict[str, Callable[[], object]] = {
    "a processor's on_start": ends_with_processor(on_start=interrupt),
    "a processor's on_end": ends_with_processor(on_end=interrupt),
    "a processor's _on_ending": ends_with_processor(_on_ending=interrupt),
    "an exporter": ends_with_exporter,
    "a sampler": starts_with_sampler,
    "an id generator": starts_with_ids,
    "the name of a span": lambda: span().update_name(Unprintable()),
    "a value": lambda: span().set_attribute("key", Unprintable()),
    "a value in a list": lambda: span().set_attribute("key", [Unprintable()]),
    "a list": lambda: span().set_attribute("key", Unending()),
    "a key": lambda: span().set_attribute(Unprintable(), 1),
    "a mapping": lambda: span().set_attributes(Unreadable(a="b")),
    "a mapping of an event": lambda: span().add_event("event", Unreadable(a="b")),
    "a mapping of a link": lambda: span().add_link(span().get_span_context(), Unreadable(a="b")),
    "links": lambda: (
        TracerProvider(shutdown_on_exit=False).get_tracer("a").start_span("b", links=cast(Any, Unending()))
    ),
    "an exception's text": lambda: span().record_exception(ValueError(Unprintable())),
    "a mapping of a measurement": lambda: counter().add(1, Unreadable(a="b")),
    "a resource": lambda: otel_rs_sdk.Resource.create(Unreadable(a="b")),
}


@pytest.mark.parametrize("call", CALLS)
def test_it_reaches_the_application(call: str) -> None:
    with pytest.raises(Interrupt):
        CALLS[call]()
    # And is over then.
    span().end()


def test_it_leaves_the_log(caplog: pytest.LogCaptureFixture) -> None:
    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise Interrupt

    handler = Handler()
    logging.getLogger().addHandler(handler)
    try:
        with pytest.raises(Interrupt):
            span().set_attribute("", 1)
    finally:
        logging.getLogger().removeHandler(handler)


def test_the_span_is_over_nevertheless() -> None:
    ended: list[Any] = []
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(type("First", (Raising,), {"on_end": interrupt})())
    provider.add_span_processor(type("Second", (Raising,), {"on_end": lambda self, span: ended.append(span)})())
    with pytest.raises(Interrupt):
        provider.get_tracer("scope").start_span("span").end()
    assert [span.name for span in ended] == ["span"]


def test_an_ordinary_exception_does_not_leave_it() -> None:
    def fail(*_: Any) -> None:
        raise ValueError

    ends_with_processor(on_start=fail, on_end=fail)()
