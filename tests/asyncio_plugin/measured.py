"""What has been measured, as values that a test can compare."""

from __future__ import annotations

from typing import Any

from support.telemetry import Telemetry


def created(telemetry: Telemetry) -> dict[tuple[Any, ...], int]:
    """How many processes there were, by type, name and state."""
    points = telemetry.points("asyncio.process.created")
    counts = {_key(point.attributes): point.value for point in points}
    durations = {_key(point.attributes): point.count for point in telemetry.points("asyncio.process.duration")}
    assert counts == durations, "each process is counted once and has one duration"
    return counts


def _key(attributes: Any) -> tuple[Any, ...]:
    return tuple(attributes[name] for name in ("type", "name", "state") if name in attributes)
