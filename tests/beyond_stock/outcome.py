"""What came of a scenario on one stack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from parity.telemetry import LABEL
from parity.wsgi_client import Answer
from support.otlp_receiver import OtlpReceiver, ReceivedSpan, attributes_of

DURATION = "http.server.duration"
ACTIVE = "http.server.active_requests"


@dataclass(frozen=True)
class Outcome:
    """The answers and notes of a scenario, and the telemetry that it led to."""

    answers: list[Answer]
    notes: list[Any]
    spans: list[ReceivedSpan]
    metrics: list[Any]

    @staticmethod
    def of(label: str, record: dict[str, Any], receiver: OtlpReceiver) -> Outcome:
        """The part of ``label`` in what one process did and sent."""
        return Outcome(
            record["answers"],
            record["notes"],
            [span for span in receiver.spans if span.resource.get(LABEL) == label],
            [metric for metric in receiver.metrics if metric.resource.get(LABEL) == label],
        )

    def server_spans(self) -> list[ReceivedSpan]:
        """The spans of kind SERVER."""
        return [span for span in self.spans if span.kind == "SERVER"]

    def server_span(self) -> ReceivedSpan:
        """The only span of kind SERVER."""
        spans = self.server_spans()
        assert len(spans) == 1, [span.name for span in spans]
        return spans[0]

    def named(self, name: str) -> ReceivedSpan:
        """The only span of that name."""
        spans = [span for span in self.spans if span.name == name]
        assert len(spans) == 1, [span.name for span in self.spans]
        return spans[0]

    def exports(self, metric: str) -> list[list[Any]]:
        """The data points of a metric, export by export."""
        return [received.points for received in self.metrics if received.message.name == metric]

    def durations(self) -> list[Any]:
        """The duration points of the last export, one for each set of attributes."""
        latest: dict[frozenset[Any], Any] = {}
        for points in self.exports(DURATION):
            latest |= {frozenset(attributes_of(point.attributes).items()): point for point in points}
        return list(latest.values())


Run = Callable[[Any], Outcome]
