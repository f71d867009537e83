"""The metrics classes: native ones joined with the abstract classes of the OpenTelemetry API."""

from collections.abc import Iterable, Mapping, Sequence
from logging import getLogger
from time import monotonic
from typing import Any

from opentelemetry import metrics
from opentelemetry.util.types import AttributeValue

from otel_rs_sdk import _lifecycle, _native
from otel_rs_sdk._disabled import is_disabled

_logger = getLogger("otel_rs_sdk")


class Counter(_native.NativeInstrument, metrics.Counter):
    """A sum that only grows. Made by ``Meter.create_counter``."""

    def __init__(self, *_: Any) -> None:
        pass


class UpDownCounter(_native.NativeInstrument, metrics.UpDownCounter):
    """A sum that grows and shrinks. Made by ``Meter.create_up_down_counter``."""

    def __init__(self, *_: Any) -> None:
        pass


class Histogram(_native.NativeInstrument, metrics.Histogram):
    """A distribution of values. Made by ``Meter.create_histogram``."""

    def __init__(self, *_: Any) -> None:
        pass


class Gauge(_native.NativeInstrument, metrics._Gauge):
    """The last value. Made by ``Meter.create_gauge``."""

    def __init__(self, *_: Any) -> None:
        pass


class Meter(metrics.Meter):
    """Where the instruments of one instrumentation scope come from. Made by ``MeterProvider.get_meter``."""

    def __init__(self, native: Any, name: str, version: str | None, schema_url: str | None) -> None:
        super().__init__(name, version=version, schema_url=schema_url)
        self._native = native

    def create_counter(self, name: str, unit: str = "", description: str = "") -> metrics.Counter:
        """A counter. An invalid name or unit raises ``Exception``, as in the stock SDK."""
        return Counter(self._native, "counter", name, unit, description)

    def create_up_down_counter(self, name: str, unit: str = "", description: str = "") -> metrics.UpDownCounter:
        """An up-down counter, as ``create_counter``."""
        return UpDownCounter(self._native, "up_down_counter", name, unit, description)

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> metrics.Histogram:
        """A histogram, as ``create_counter``, with the bucket boundaries given, which must ascend."""
        boundaries = _boundaries(explicit_bucket_boundaries_advisory)
        return Histogram(self._native, "histogram", name, unit, description, boundaries)

    def create_gauge(self, name: str, unit: str = "", description: str = "") -> Gauge:
        """A gauge, as ``create_counter``."""
        return Gauge(self._native, "gauge", name, unit, description)

    def create_observable_counter(
        self, name: str, callbacks: Any = None, unit: str = "", description: str = ""
    ) -> metrics.ObservableCounter:
        """Not collected yet: one line says so."""
        _not_collected(name)
        return metrics.NoOpObservableCounter(name, callbacks, unit, description)

    def create_observable_up_down_counter(
        self, name: str, callbacks: Any = None, unit: str = "", description: str = ""
    ) -> metrics.ObservableUpDownCounter:
        """Not collected yet: one line says so."""
        _not_collected(name)
        return metrics.NoOpObservableUpDownCounter(name, callbacks, unit, description)

    def create_observable_gauge(
        self, name: str, callbacks: Any = None, unit: str = "", description: str = ""
    ) -> metrics.ObservableGauge:
        """Not collected yet: one line says so."""
        _not_collected(name)
        return metrics.NoOpObservableGauge(name, callbacks, unit, description)


class MeterProvider(metrics.MeterProvider):
    """The native meter provider.

    ``metric_readers`` are readers of this package; ``resource`` may be one of the stock SDK. With ``shutdown_on_exit``
    what was recorded is exported at the exit of the process, within a deadline.
    """

    def __init__(self, metric_readers: Iterable[Any] = (), resource: Any = None, shutdown_on_exit: bool = True) -> None:
        self._native = _native.NativeMeterProvider(metric_readers, resource, shutdown_on_exit)
        self._disabled = is_disabled()
        if shutdown_on_exit:
            _lifecycle.at_exit(self._native)

    @property
    def resource(self) -> _native.Resource:
        """The resource, as it is in this process: a forked child has a ``service.instance.id`` of its own."""
        return self._native.resource

    @property
    def dropped_collections_by_cause(self) -> dict[str, int]:
        """How many collections of metrics were lost: because the collector refused them or the exporter failed for
        good (``export_failed``), or at the end of a shutdown's time (``deadline``).
        """
        counts: dict[str, int] = self._native.dropped_collections_by_cause
        return counts

    def get_meter(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Mapping[str, AttributeValue] | None = None,
    ) -> metrics.Meter:
        """The meter of an instrumentation scope."""
        if self._disabled:
            return metrics.NoOpMeter(name, version=version, schema_url=schema_url)
        if self._native.is_shut_down:
            _logger.warning("otel-rs: A shutdown `MeterProvider` can not provide a `Meter`")
            return metrics.NoOpMeter(name, version=version, schema_url=schema_url)
        if not name:
            _logger.warning("otel-rs: Meter name cannot be None or empty.")
            return metrics.NoOpMeter(name, version=version, schema_url=schema_url)
        native = self._native.get_meter(name, version, schema_url, attributes)
        return Meter(native, name, version, schema_url)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Exports what was recorded; false if that fails or takes longer than the time given, in milliseconds."""
        return self._native.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000) -> None:
        """Exports what was recorded and takes nothing more; it returns after ``timeout_millis`` at the latest."""
        _lifecycle.not_at_exit(self._native)
        if self._native.is_shut_down:
            _logger.warning("otel-rs: shutdown can only be called once")
            return
        begun = monotonic()
        # What fails before the time is over has its own line.
        if not self._native.shutdown(timeout_millis) and monotonic() - begun >= timeout_millis / 1e3:
            _logger.warning(
                "otel-rs: The last metrics could not be exported within %s ms; they are lost", timeout_millis
            )

    def __otel_rs_abi__(self) -> object:
        """The capsule by which instrumentations of otel-rs reach this provider without passing through Python."""
        return self._native.abi()


def _boundaries(advisory: Any) -> list[float] | None:
    if advisory is None:
        return None
    if isinstance(advisory, Sequence) and all(isinstance(boundary, (int, float)) for boundary in advisory):
        return [float(boundary) for boundary in advisory]
    _logger.warning("otel-rs: explicit_bucket_boundaries_advisory must be a sequence of numbers")
    return None


_warned_of_observables = False


def _not_collected(name: str) -> None:
    global _warned_of_observables
    if not _warned_of_observables:
        _warned_of_observables = True
        _logger.warning(
            "otel-rs: Observable instruments (%s is the first) are not collected by the native SDK yet; "
            "their callbacks are not called",
            name,
        )
