"""Code of the user's that raises what is no ``Exception``, wherever the instrumentation calls it."""

from __future__ import annotations

from typing import Any

from opentelemetry import context, metrics, trace
from opentelemetry.context import Context


class Interrupt(BaseException):
    """As ``gevent.Timeout``; ``KeyboardInterrupt`` and ``SystemExit`` go the same way."""


def interrupt(*_: Any, **__: Any) -> Any:
    """Raises."""
    raise Interrupt


class Odd:
    """Has no text, no truth and no hash."""

    __str__ = __repr__ = __bool__ = __hash__ = interrupt


class OddHandler:
    """For ``logging``: raises whatever it is given."""

    level = 0
    handle = interrupt


class _Span(trace.NonRecordingSpan):
    def __init__(self, provider: OddProvider) -> None:
        super().__init__(trace.SpanContext(1, len(provider.started) + 1, is_remote=False))
        self._provider = provider
        provider.started.append(self)

    def is_recording(self) -> bool:
        return True

    def end(self, end_time: int | None = None) -> None:
        self._provider.ended.append(self)
        self._provider.called("end")

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name in ("set_attribute", "set_attributes", "set_status", "record_exception", "add_event"):
            return lambda *_, **__: self._provider.called(name)
        return value


class _Tracer(trace.NoOpTracer):
    def __init__(self, provider: OddProvider) -> None:
        self._provider = provider

    def start_span(self, *arguments: Any, **options: Any) -> trace.Span:
        self._provider.called("start_span")
        return _Span(self._provider)


class OddProvider(trace.TracerProvider):
    """A provider written in Python, whose method of a name raises as long as it is wanted."""

    def __init__(self, raising: str | None = None, exception: BaseException | None = None) -> None:
        self.raising = raising
        self.exception = exception or Interrupt()
        self.started: list[trace.Span] = []
        self.ended: list[trace.Span] = []

    def called(self, method: str) -> None:
        """Raises for that method."""
        if method == self.raising:
            raise self.exception

    def get_tracer(self, *arguments: Any, **options: Any) -> trace.Tracer:
        """One whose spans raise."""
        self.called("get_tracer")
        return _Tracer(self)


class _Instrument(metrics.Counter, metrics.UpDownCounter, metrics.Histogram):
    def __init__(self, raising: bool) -> None:
        self._raising = raising

    def add(self, amount: float, attributes: Any = None, context: Any = None) -> None:
        if self._raising:
            raise Interrupt

    record = add


class OddMeterProvider(metrics.MeterProvider):
    """A provider whose instruments raise: those that count, or those that measure."""

    def __init__(self, kind: str) -> None:
        counts, measures = kind == "count", kind == "measure"

        class Meter(metrics.NoOpMeter):
            def create_counter(self, *_: Any, **__: Any) -> metrics.Counter:
                return _Instrument(counts)

            def create_up_down_counter(self, *_: Any, **__: Any) -> metrics.UpDownCounter:
                return _Instrument(counts)

            def create_histogram(self, *_: Any, **__: Any) -> metrics.Histogram:
                return _Instrument(measures)

        self._meter = Meter("odd")

    def get_meter(self, *_: Any, **__: Any) -> metrics.Meter:
        """One whose instruments raise."""
        return self._meter


class OddPropagator:
    """A global propagator, of requests or of responses."""

    fields = frozenset[str]()
    extract = inject = interrupt


def assert_over(provider: OddProvider) -> None:
    """What has started has ended, once, and nothing stays current."""
    assert provider.ended == provider.started
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert context.get_current() == Context()
