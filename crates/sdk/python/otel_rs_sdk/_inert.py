"""In place of ``_native`` in an interpreter that cannot have it: everything is taken, and nothing recorded."""

from random import getrandbits
from typing import Any, ClassVar

from opentelemetry import trace
from opentelemetry.context import Context


def _nothing(*_: Any, **__: Any) -> None:
    return None


class _Nothing:
    """Takes any arguments, and has every method."""

    def __new__(cls, *_: Any, **__: Any) -> Any:
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing


class Resource(_Nothing):
    """Has no attributes."""

    attributes: ClassVar[dict[str, Any]] = {}
    schema_url = ""

    @classmethod
    def create(cls, *_: Any, **__: Any) -> "Resource":
        """An empty one."""
        return cls()

    get_empty = create

    def merge(self, other: Any) -> "Resource":
        """An empty one."""
        return self


class NativeTracer(_Nothing):
    """Starts no spans: the parent's context is passed on."""

    def start_span(self, name: str, context: Context | None = None, *_: Any, **__: Any) -> trace.Span:
        """What the API does without an SDK."""
        return trace.NoOpTracer().start_span(name, context)


class NativeInstrument(_Nothing):
    """Takes measurements."""

    add = record = set = _nothing


class NativeSpanExporter(_Nothing):
    """Exports nothing."""

    export = _nothing


class SpanLimits(_Nothing):
    """Limits nothing."""

    UNSET = -1


class NativePending(_Nothing):
    """Nothing is pending."""

    def is_over(self) -> bool:
        """It is."""
        return True


class _Provider(_Nothing):
    resource = Resource()
    is_shut_down = False
    has_python_processors = False
    dropped_spans_by_cause: ClassVar[dict[str, int]] = {}
    dropped_collections_by_cause: ClassVar[dict[str, int]] = {}

    def force_flush(self, *_: Any, **__: Any) -> bool:
        """Nothing is held back."""
        return True

    def shutdown(self, *_: Any, **__: Any) -> bool:
        """It is over."""
        return True

    def begin_shutdown(self, *_: Any) -> NativePending:
        """It is over."""
        return NativePending()


NativeTracerProvider = NativeMeterProvider = _Provider


class _Processor(_Nothing):
    dropped_spans = 0
    dropped_spans_by_cause: ClassVar[dict[str, int]] = {}

    def force_flush(self, *_: Any, **__: Any) -> bool:
        """Nothing is held back."""
        return True


NativeSpanProcessor = BatchSpanProcessor = NativeSimpleSpanProcessor = _Processor


def exports_natively(*_: Any) -> bool:
    """It does, as far as anybody can tell."""
    return True


def random_span_id() -> int:
    """As the SDK's generator makes it."""
    return getrandbits(64)


def random_trace_id() -> int:
    """As the SDK's generator makes it."""
    return getrandbits(128)


def begin_flush_of_all() -> NativePending:
    """It is over."""
    return NativePending()


def wait_for_shutdowns(*_: Any) -> bool:
    """They are over."""
    return True


def __getattr__(name: str) -> Any:
    """Any other class or function."""
    if name.startswith("__"):
        raise AttributeError(name)
    made = type(name, (_Nothing,), {}) if name[0].isupper() else _nothing
    globals()[name] = made
    return made
