"""What a metric exporter prefers for the instruments of a class, under the names of the stock SDK."""

from collections.abc import Sequence
from enum import IntEnum


class AggregationTemporality(IntEnum):
    """Since when a point counts: the last export, or the start."""

    UNSPECIFIED = 0
    DELTA = 1
    CUMULATIVE = 2


class Aggregation:
    """Base of the aggregations."""

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name.lstrip('_')}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({arguments})"


class DefaultAggregation(Aggregation):
    """That of the class."""


class DropAggregation(Aggregation):
    """Nothing is exported."""


class SumAggregation(Aggregation):
    """The sum of what is recorded."""


class LastValueAggregation(Aggregation):
    """The last value that is recorded."""


class ExplicitBucketHistogramAggregation(Aggregation):
    """A histogram with these boundaries, or those of the instrument."""

    def __init__(self, boundaries: Sequence[float] | None = None, record_min_max: bool = True) -> None:
        self._boundaries = boundaries
        self._record_min_max = record_min_max


class ExponentialBucketHistogramAggregation(Aggregation):
    """A histogram whose boundaries are powers of a base that follows from what is recorded."""

    def __init__(self, max_size: int = 160, max_scale: int = 20, record_min_max: bool = True) -> None:
        self._max_size = max_size
        self._max_scale = max_scale
        self._record_min_max = record_min_max
