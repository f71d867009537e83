"""Reads what the console exporters print."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Span:
    """One span of the console exporter."""

    json: Json

    @property
    def name(self) -> str:
        """The span's name."""
        return str(self.json["name"])

    @property
    def kind(self) -> str:
        """``SERVER``, ``INTERNAL``, …"""
        return str(self.json["kind"]).removeprefix("SpanKind.")

    @property
    def trace_id(self) -> str:
        """32 hex digits."""
        return str(self.json["context"]["trace_id"]).removeprefix("0x")

    @property
    def span_id(self) -> str:
        """16 hex digits."""
        return str(self.json["context"]["span_id"]).removeprefix("0x")

    @property
    def parent_id(self) -> str | None:
        """16 hex digits, None for a root."""
        parent = self.json["parent_id"]
        return None if parent is None else str(parent).removeprefix("0x")

    @property
    def attributes(self) -> Json:
        """The attributes."""
        return self.json["attributes"] or {}

    @property
    def status(self) -> str:
        """``UNSET``, ``OK`` or ``ERROR``."""
        return str(self.json["status"]["status_code"])

    @property
    def start(self) -> datetime:
        """When the span started."""
        return _time(self.json["start_time"])

    @property
    def milliseconds(self) -> float:
        """How long the span took."""
        return (_time(self.json["end_time"]) - self.start).total_seconds() * 1e3

    @property
    def exceptions(self) -> list[str]:
        """Type and message of each recorded exception."""
        return [
            f"{event['attributes']['exception.type']}: {event['attributes']['exception.message']}"
            for event in self.json["events"]
            if event["name"] == "exception"
        ]


@dataclass(frozen=True)
class Point:
    """One data point of a metric."""

    metric: str
    unit: str
    attributes: Json
    count: int | None
    sum: float


def read(output: str) -> tuple[list[Span], list[Point]]:
    """All spans, and the data points of the last metric export, in what a process printed."""
    spans: list[Span] = []
    points: list[Point] = []
    for document in _documents(output):
        if "resource_metrics" in document:
            points = list(_points(document))
        elif "context" in document:
            spans.append(Span(document))
    return sorted(spans, key=lambda span: span.start), points


def _documents(output: str) -> Iterator[Json]:
    decoder = json.JSONDecoder()
    position = output.find("{")
    while position >= 0:
        document, end = decoder.raw_decode(output, position)
        yield document
        position = output.find("{", end)


def _points(document: Json) -> Iterator[Point]:
    for group in document["resource_metrics"]:
        for scoped in group["scope_metrics"]:
            for metric in scoped["metrics"]:
                for point in metric["data"]["data_points"]:
                    value = point["sum"] if "sum" in point else point["value"]
                    yield Point(metric["name"], metric["unit"], point["attributes"], point.get("count"), value)


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
