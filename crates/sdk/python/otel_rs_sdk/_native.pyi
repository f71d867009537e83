from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from types import TracebackType
from typing import Any, ClassVar, final

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceState
from opentelemetry.util.types import Attributes, AttributeValue
from typing_extensions import Self, disjoint_base

from otel_rs_sdk._processors import SpanExportResult
from otel_rs_sdk._sampling import SamplingResult

__all__ = [
    "BatchSpanProcessor",
    "ConsoleMetricExporter",
    "Event",
    "InstrumentationScope",
    "NativeConsoleSpanExporter",
    "NativeInstrument",
    "NativeMeter",
    "NativeMeterProvider",
    "NativeMetricExporter",
    "NativeSampler",
    "NativeSession",
    "NativeSimpleSpanProcessor",
    "NativeSpan",
    "NativeSpanExporter",
    "NativeSpanProcessor",
    "NativeTracer",
    "NativeTracerProvider",
    "OTLPMetricExporter",
    "OTLPSpanExporter",
    "ParentBased",
    "PeriodicExportingMetricReader",
    "Resource",
    "SpanLimits",
    "StaticSampler",
    "TraceIdRatioBased",
    "after_fork_in_child",
    "batch_settings",
    "begin_flush_of_all",
    "begin_last_exports",
    "close_log",
    "export_on_sigterm",
    "exports_natively",
    "log_diagnostics",
    "random_span_id",
    "random_trace_id",
    "register_span_type",
    "register_stock_span_type",
    "sampler_from_environment",
    "wait_for_shutdowns",
]

# --- resource ---------------------------------------------------------------------------------------------------------

@final
class Resource:
    def __new__(cls, attributes: Attributes, schema_url: str | None = None) -> Self: ...
    @classmethod
    def create(cls, attributes: Attributes = None, schema_url: str | None = None) -> Resource: ...
    @staticmethod
    def get_empty() -> Resource: ...
    def merge(self, other: Any) -> Resource: ...
    @property
    def attributes(self) -> Mapping[str, AttributeValue]: ...
    @property
    def schema_url(self) -> str: ...
    def to_json(self, indent: int | None = ...) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

# --- tracing ----------------------------------------------------------------------------------------------------------

@disjoint_base
class NativeSpan:
    def __new__(cls, *_arguments: Any, **_options: Any) -> Self: ...
    def end(self, end_time: int | None = None) -> None: ...
    def get_span_context(self) -> SpanContext: ...
    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None: ...
    def set_attribute(self, key: str, value: AttributeValue) -> None: ...
    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None: ...
    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None: ...
    def update_name(self, name: str) -> None: ...
    def is_recording(self) -> bool: ...
    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None: ...
    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool | None = None,
    ) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def context(self) -> SpanContext: ...
    @property
    def kind(self) -> SpanKind: ...
    @property
    def parent(self) -> SpanContext | None: ...
    @property
    def start_time(self) -> int | None: ...
    @property
    def end_time(self) -> int | None: ...
    @property
    def status(self) -> Status: ...
    @property
    def attributes(self) -> Mapping[str, AttributeValue]: ...
    @property
    def events(self) -> tuple[Event, ...]: ...
    @property
    def links(self) -> tuple[Link, ...]: ...
    @property
    def resource(self) -> Any:
        """A ``Resource``, or what a span processor has put in its place."""
    @property
    def instrumentation_scope(self) -> Any:
        """An ``InstrumentationScope``, or what a span processor has put in its place."""
    @property
    def dropped_attributes(self) -> int: ...
    @property
    def dropped_events(self) -> int: ...
    @property
    def dropped_links(self) -> int: ...
    def to_json(self, indent: int | None = ...) -> str: ...
    def _field(self, name: str) -> Any: ...
    def _set_field(self, name: str, value: Any) -> None: ...
    def _written(self) -> None: ...

def register_span_type(class_: type[NativeSpan], /) -> None: ...
def register_stock_span_type(class_: type[NativeSpan], /) -> None: ...
def random_trace_id() -> int: ...
def random_span_id() -> int: ...

@final
class Event:
    """An event of a span. Its private fields may be written, as those of the stock SDK."""

    def __new__(cls, name: str, attributes: Attributes = None, timestamp: int | None = None) -> Self: ...
    @property
    def name(self) -> str: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def attributes(self) -> Mapping[str, AttributeValue]: ...
    _name: str
    _timestamp: int
    _attributes: Any
    @property
    def dropped_attributes(self) -> int: ...

@final
class InstrumentationScope:
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def schema_url(self) -> str: ...
    @property
    def attributes(self) -> Mapping[str, AttributeValue]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@disjoint_base
class NativeTracer:
    def __new__(
        cls,
        provider: NativeTracerProvider,
        name: str,
        version: str | None,
        schema_url: str | None,
        attributes: Attributes,
    ) -> Self: ...
    @property
    def instrumentation_scope(self) -> InstrumentationScope: ...
    @property
    def _provider(self) -> NativeTracerProvider: ...
    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Span: ...

@final
class NativeTracerProvider:
    def __new__(cls, sampler: Any, resource: Any, span_limits: Any, id_generator: Any, disabled: bool) -> Self: ...
    @property
    def resource(self) -> Resource: ...
    @property
    def dropped_spans_by_cause(self) -> dict[str, int]: ...
    def add_span_processor(self, span_processor: Any) -> None: ...
    def set_span_processors(self, span_processors: Sequence[Any]) -> None: ...
    def with_parts(
        self,
        *,
        sampler: Any = None,
        resource: Any = None,
        span_limits: Any = None,
        id_generator: Any = None,
        span_processor: Any = None,
    ) -> NativeTracerProvider: ...
    def force_flush(self, timeout_millis: float) -> bool: ...
    def shutdown(self, timeout_millis: float) -> None: ...
    def begin_shutdown(self, timeout_millis: float) -> NativePending: ...
    @property
    def has_python_processors(self) -> bool: ...
    def decline_shutdown_on_exit(self) -> None: ...
    def abi(self) -> object: ...

@disjoint_base
class SpanLimits:
    UNSET: ClassVar[int]
    def __new__(
        cls,
        max_attributes: int | None = None,
        max_events: int | None = None,
        max_links: int | None = None,
        max_span_attributes: int | None = None,
        max_event_attributes: int | None = None,
        max_link_attributes: int | None = None,
        max_attribute_length: int | None = None,
        max_span_attribute_length: int | None = None,
    ) -> Self: ...
    @property
    def max_attributes(self) -> int | None: ...
    @property
    def max_events(self) -> int | None: ...
    @property
    def max_links(self) -> int | None: ...
    @property
    def max_span_attributes(self) -> int | None: ...
    @property
    def max_event_attributes(self) -> int | None: ...
    @property
    def max_link_attributes(self) -> int | None: ...
    @property
    def max_attribute_length(self) -> int | None: ...
    @property
    def max_span_attribute_length(self) -> int | None: ...

@disjoint_base
class NativeSpanExporter:
    def export(self, spans: Iterable[Any]) -> SpanExportResult:
        """Exports finished spans, of this SDK or whatever reads like one, and waits for it."""

    def shutdown(self) -> None:
        """Has ``export`` export nothing more. Processors that were given this exporter go on."""

    def force_flush(self, timeout_millis: float | None = None) -> bool:
        """Nothing to do: ``export`` holds nothing back."""

class NativeConsoleSpanExporter(NativeSpanExporter):
    def __new__(cls) -> Self: ...

class OTLPSpanExporter(NativeSpanExporter):
    def __new__(cls, *args: Any, **kwargs: Any) -> Self: ...
    def __init__(
        self,
        endpoint: str | None = None,
        certificate_file: str | PathLike[str] | None = None,
        client_key_file: str | PathLike[str] | None = None,
        client_certificate_file: str | PathLike[str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        compression: Any = None,
        session: Any = None,
        *,
        max_request_size: int | None = None,
        meter_provider: Any = None,
    ) -> None: ...

@disjoint_base
class NativeSpanProcessor:
    def on_start(self, span: Any, parent_context: Context | None = None) -> None: ...
    def _on_ending(self, span: Any) -> None: ...
    def on_end(self, span: Any) -> None:
        """Takes a finished span: one of this SDK, or whatever reads like one (a ``ReadableSpan`` of the stock SDK)."""
    def force_flush(self, timeout_millis: float | None = None) -> bool: ...
    def shutdown(self, timeout_millis: float | None = None) -> None: ...
    @property
    def dropped_spans(self) -> int: ...
    @property
    def dropped_spans_by_cause(self) -> dict[str, int]: ...

class BatchSpanProcessor(NativeSpanProcessor):
    def __new__(
        cls,
        span_exporter: Any,
        max_queue_size: int | None = None,
        schedule_delay_millis: float | None = None,
        max_export_batch_size: int | None = None,
        export_timeout_millis: float | None = None,
    ) -> Self: ...

def batch_settings(
    max_queue_size: int | None, schedule_delay_millis: float | None, max_export_batch_size: int | None
) -> tuple[int, float, int]: ...
def exports_natively(span_exporter: Any) -> bool: ...

class NativeSimpleSpanProcessor(NativeSpanProcessor):
    def __new__(cls, span_exporter: NativeSpanExporter) -> Self: ...

@disjoint_base
class NativeSampler:
    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult: ...
    def get_description(self) -> str: ...

class StaticSampler(NativeSampler):
    def __new__(cls, sampled: bool) -> Self: ...

@disjoint_base
class TraceIdRatioBased(NativeSampler):
    def __new__(cls, rate: float) -> Self: ...
    @property
    def rate(self) -> float: ...

class ParentBased(NativeSampler):
    def __new__(
        cls,
        root: Any,
        remote_parent_sampled: Any = None,
        remote_parent_not_sampled: Any = None,
        local_parent_sampled: Any = None,
        local_parent_not_sampled: Any = None,
    ) -> Self: ...

def sampler_from_environment() -> NativeSampler: ...

# --- metrics ----------------------------------------------------------------------------------------------------------

@final
class NativeMeterProvider:
    def __new__(cls, metric_readers: Iterable[Any], resource: Any, shutdown_on_exit: bool = True) -> Self: ...
    @property
    def resource(self) -> Resource: ...
    @property
    def is_shut_down(self) -> bool: ...
    @property
    def dropped_collections_by_cause(self) -> dict[str, int]: ...
    def get_meter(
        self, name: str, version: str | None, schema_url: str | None, attributes: Attributes
    ) -> NativeMeter: ...
    def force_flush(self, timeout_millis: float) -> bool: ...
    def shutdown(self, timeout_millis: float) -> bool: ...
    def begin_shutdown(self, timeout_millis: float) -> NativePending: ...
    def abi(self) -> object: ...

@final
class NativeMeter: ...

@disjoint_base
class NativeInstrument:
    def __new__(
        cls,
        meter: NativeMeter,
        kind: str,
        name: str,
        unit: str,
        description: str,
        boundaries: Sequence[float] | None = None,
    ) -> Self: ...
    def add(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None: ...
    def record(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None: ...
    def set(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def description(self) -> str: ...

@disjoint_base
class NativeMetricExporter: ...

class OTLPMetricExporter(NativeMetricExporter):
    def __new__(cls, *args: Any, **kwargs: Any) -> Self: ...
    def __init__(
        self,
        endpoint: str | None = None,
        certificate_file: str | PathLike[str] | None = None,
        client_key_file: str | PathLike[str] | None = None,
        client_certificate_file: str | PathLike[str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        compression: Any = None,
        session: Any = None,
        preferred_temporality: Mapping[type, Any] | None = None,
        preferred_aggregation: Mapping[type, Any] | None = None,
        max_export_batch_size: int | None = None,
        *,
        max_request_size: int | None = None,
        meter_provider: Any = None,
    ) -> None: ...

@final
class NativeSession:
    """The thread's side of a session that sends the requests of an exporter."""

    def serve(self, post: Callable[[str, list[tuple[str, bytes]], bytes, float], Any]) -> None: ...

class ConsoleMetricExporter(NativeMetricExporter):
    def __new__(cls) -> Self: ...

@disjoint_base
class PeriodicExportingMetricReader:
    def __new__(
        cls,
        exporter: NativeMetricExporter,
        export_interval_millis: float | None = None,
        export_timeout_millis: float | None = None,
    ) -> Self: ...

# --- the process ------------------------------------------------------------------------------------------------------

def after_fork_in_child() -> None: ...
def log_diagnostics() -> None: ...
def close_log() -> None: ...
def export_on_sigterm(timeout_millis: float) -> None: ...

@final
class NativePending:
    """Flushes and shutdowns that have begun."""

    def is_over(self) -> bool: ...

def begin_flush_of_all() -> NativePending: ...
def begin_last_exports(timeout_millis: float) -> NativePending: ...
def wait_for_shutdowns(shutdowns: Sequence[NativePending], timeout_millis: float) -> bool: ...
