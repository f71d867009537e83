"""Samplers: what a user's own one is made of, and the ready-made ones."""

import abc
import enum
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes, AttributeValue

from otel_rs_sdk._native import NativeSampler, ParentBased, StaticSampler


class Decision(enum.Enum):
    """What happens to a span."""

    DROP = 0
    """It does not record."""
    RECORD_ONLY = 1
    """It records for span processors, and is not exported."""
    RECORD_AND_SAMPLE = 2
    """It records and is exported."""

    def is_recording(self) -> bool:
        """Whether the span records."""
        return self is not Decision.DROP

    def is_sampled(self) -> bool:
        """Whether the span has the sampled flag."""
        return self is Decision.RECORD_AND_SAMPLE


class SamplingResult:
    """A sampler's answer: the decision, the span's attributes (all of them) and its trace state."""

    def __init__(
        self, decision: Decision, attributes: Attributes = None, trace_state: TraceState | None = None
    ) -> None:
        self.decision = decision
        self.attributes: Mapping[str, AttributeValue] = MappingProxyType(attributes or {})
        self.trace_state = trace_state

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.decision!s}, attributes={self.attributes!s})"


class Sampler(abc.ABC):
    """Base of samplers written in Python. The native ones count as subclasses."""

    @abc.abstractmethod
    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decides for a span that is about to start."""

    @abc.abstractmethod
    def get_description(self) -> str:
        """A line that names the sampler and its configuration."""


Sampler.register(NativeSampler)

ALWAYS_ON: Final = StaticSampler(True)
"""Samples every span."""
ALWAYS_OFF: Final = StaticSampler(False)
"""Samples none."""
DEFAULT_ON: Final = ParentBased(ALWAYS_ON)
"""Follows the parent's decision and samples root spans."""
DEFAULT_OFF: Final = ParentBased(ALWAYS_OFF)
"""Follows the parent's decision and does not sample root spans."""
