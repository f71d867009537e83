"""Id generators: what a user's own one is made of, and the native one."""

import abc

from otel_rs_sdk import _native


class IdGenerator(abc.ABC):
    """Base of id generators written in Python. Any object with these methods will do."""

    @abc.abstractmethod
    def generate_span_id(self) -> int:
        """A new span id, of 64 bits and not zero."""

    @abc.abstractmethod
    def generate_trace_id(self) -> int:
        """A new trace id, of 128 bits and not zero."""

    def is_trace_id_random(self) -> bool:
        """Whether the 56 low bits of its trace ids are random."""
        return False


class RandomIdGenerator(IdGenerator):
    """The native generator of random ids, which no forked child repeats."""

    def generate_span_id(self) -> int:
        """A new span id."""
        return _native.random_span_id()

    def generate_trace_id(self) -> int:
        """A new trace id."""
        return _native.random_trace_id()

    def is_trace_id_random(self) -> bool:
        """They are."""
        return True
