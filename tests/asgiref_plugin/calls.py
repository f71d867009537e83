"""Calls over bridges, and their spans."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from support.telemetry import Telemetry

VARIABLE = "OTEL_RS_ASGIREF_CALLS_ENABLED"
var: contextvars.ContextVar[str] = contextvars.ContextVar("var", default="unset")


class Failed(Exception):
    """What the application raises."""


def calls(telemetry: Telemetry) -> list[ReadableSpan]:
    """The spans of calls, in the order of their ends."""
    return [span for span in telemetry.spans if not span.name.startswith("asgiref.sync.")]


def call(telemetry: Telemetry) -> ReadableSpan:
    """The only span of a call."""
    (span,) = calls(telemetry)
    return span


def assert_measured(span: ReadableSpan, *, ran: bool = True, thread_sensitive: bool | None = None) -> dict[str, Any]:
    """The span is one of a call with these attributes; returns its attributes."""
    attributes = dict(span.attributes or {})
    assert span.kind is SpanKind.INTERNAL
    expected = {"asgiref.wait.duration"}
    expected |= {"asgiref.run.duration"} if ran else set()
    expected |= set() if thread_sensitive is None else {"asgiref.thread_sensitive"}
    assert attributes.keys() == expected
    assert attributes.get("asgiref.thread_sensitive") is thread_sensitive
    durations: list[Any] = [value for key, value in attributes.items() if key.endswith(".duration")]
    assert all(isinstance(duration, float) and duration >= 0 for duration in durations)
    assert span.start_time is not None
    assert span.end_time is not None
    assert sum(durations) <= (span.end_time - span.start_time) / 1e9 + 0.001
    return attributes


def current() -> trace.SpanContext:
    """The current span."""
    return trace.get_current_span().get_span_context()


def plain(value: int = 1, *, extra: int = 0) -> tuple[int, trace.SpanContext]:
    """A function that says which span is current."""
    return value + extra, current()


async def coroutine(value: int = 1, *, extra: int = 0) -> tuple[int, trace.SpanContext]:
    """A coroutine function that does."""
    await asyncio.sleep(0)
    return value + extra, current()
