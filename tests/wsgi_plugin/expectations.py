"""What holds of every request, whatever happened in it."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan

from support.telemetry import Telemetry

DURATION = "http.server.duration"
ACTIVE = "http.server.active_requests"


def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
    """A server's, that keeps nothing."""
    return lambda data: None


def assert_measured(telemetry: Telemetry, requests: int = 1) -> None:
    """As many durations as requests, no request is active, and no span is current."""
    assert sum(point.count for point in telemetry.points(DURATION)) == requests
    assert [point.value for point in telemetry.points(ACTIVE)] == [0]
    assert trace.get_current_span() is trace.INVALID_SPAN


def assert_ended_once(telemetry: Telemetry) -> ReadableSpan:
    """One request has been traced and measured; returns its span."""
    assert_measured(telemetry)
    span = telemetry.span()
    assert span.kind is trace.SpanKind.SERVER
    return span


def assert_running(telemetry: Telemetry) -> None:
    """One request is being answered, and nothing of it is current."""
    assert telemetry.spans == ()
    assert [point.value for point in telemetry.points(ACTIVE)] == [1]
    assert telemetry.points(DURATION) == []
    assert trace.get_current_span() is trace.INVALID_SPAN


def event_names(span: ReadableSpan) -> list[str]:
    """The names of a span's events."""
    return [event.name for event in span.events]
