"""An OTLP/HTTP receiver that keeps what it is sent, with resource and scope, and can misbehave on purpose."""

from __future__ import annotations

import gzip
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

Attributes = dict[str, Any]


def attribute_value(value: AnyValue) -> Any:
    """The Python value of an OTLP attribute."""
    field = value.WhichOneof("value")
    if field == "array_value":
        return tuple(attribute_value(item) for item in value.array_value.values)
    return getattr(value, field) if field else None


def attributes_of(pairs: Any) -> Attributes:
    """OTLP key-value pairs as a dict; a repeated key is an error of the sender."""
    result: Attributes = {}
    pair: KeyValue
    for pair in pairs:
        assert pair.key not in result, f"attribute {pair.key} sent twice"
        result[pair.key] = attribute_value(pair.value)
    return result


@dataclass(frozen=True)
class ReceivedSpan:
    """One span with the resource and scope it came under."""

    message: Span
    resource: Attributes
    scope: InstrumentationScope
    schema_url: str

    @property
    def name(self) -> str:
        """The span's name."""
        return self.message.name

    @property
    def kind(self) -> str:
        """``SERVER``, ``INTERNAL``, …"""
        return Span.SpanKind.Name(self.message.kind).removeprefix("SPAN_KIND_")

    @property
    def trace_id(self) -> str:
        """32 hex digits."""
        return self.message.trace_id.hex()

    @property
    def span_id(self) -> str:
        """16 hex digits."""
        return self.message.span_id.hex()

    @property
    def parent_id(self) -> str | None:
        """16 hex digits, None for a root."""
        return self.message.parent_span_id.hex() or None

    @property
    def status(self) -> str:
        """``UNSET``, ``OK`` or ``ERROR``."""
        return Status.StatusCode.Name(self.message.status.code).removeprefix("STATUS_CODE_")

    @property
    def attributes(self) -> Attributes:
        """The span's attributes as Python values."""
        return attributes_of(self.message.attributes)


@dataclass(frozen=True)
class ReceivedMetric:
    """One metric of one export, with the resource and scope it came under."""

    message: Metric
    resource: Attributes
    scope: InstrumentationScope
    schema_url: str

    @property
    def points(self) -> list[Any]:
        """The data points, whatever the metric's type."""
        field = self.message.WhichOneof("data")
        return list(getattr(self.message, field).data_points) if field else []


class OtlpReceiver:
    """Listens on a port of its own and keeps all spans and metrics; use as a context manager.

    ``status`` other than 200 is what every export is answered with, ``answer`` (content type and body) what it says in
    any case; ``largest`` is the size of the largest body that it takes; ``hang`` leaves every export unanswered until
    the receiver closes; each answer takes ``delay`` seconds. All may be set while it runs.
    """

    def __init__(self) -> None:
        self.spans: list[ReceivedSpan] = []
        self.metrics: list[ReceivedMetric] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200
        self.answer = ("application/x-protobuf", b"")
        self.largest: int | None = None
        self.hang = False
        self.delay = 0.0
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        # A handler that hangs must not keep close() waiting.
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, name="otlp-receiver", daemon=True)

    @property
    def endpoint(self) -> str:
        """The value for ``OTEL_EXPORTER_OTLP_ENDPOINT``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> OtlpReceiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def server_spans(self) -> list[ReceivedSpan]:
        """The spans of kind SERVER."""
        return [span for span in self.spans if span.kind == "SERVER"]

    def latest_points(self, metric: str) -> list[Any]:
        """The last data point of each cumulative stream of ``metric``.

        A stream is a resource, a scope, a set of attributes and a start time: two processes that share a resource
        still started at different times.
        """
        latest: dict[Any, Any] = {}
        for received in self.metrics:
            if received.message.name != metric:
                continue
            for point in received.points:
                stream = (
                    frozenset(received.resource.items()),
                    received.scope.name,
                    frozenset(attributes_of(point.attributes).items()),
                    point.start_time_unix_nano,
                )
                if stream not in latest or latest[stream].time_unix_nano <= point.time_unix_nano:
                    latest[stream] = point
        return list(latest.values())

    def wait_for(self, condition: Callable[[OtlpReceiver], bool], timeout: float = 60.0) -> bool:
        """Waits until ``condition`` holds; returns whether it does."""
        deadline = time.monotonic() + timeout
        while not condition(self):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def handle(self, path: str, headers: dict[str, str], body: bytes) -> int | None:
        """Keeps one export and returns the HTTP status of the answer, None for no answer."""
        with self._lock:
            self.paths.append(path)
            self.headers.append(headers)
        if self.hang:
            self._closing.wait()
            return None
        time.sleep(self.delay)
        if self.status != 200:
            return self.status
        if self.largest is not None and len(body) > self.largest:
            return 413
        with self._lock:
            if path == "/v1/traces":
                self._keep_spans(ExportTraceServiceRequest.FromString(body))
            elif path == "/v1/metrics":
                self._keep_metrics(ExportMetricsServiceRequest.FromString(body))
        return 200

    def _keep_spans(self, request: ExportTraceServiceRequest) -> None:
        for group in request.resource_spans:
            resource = attributes_of(group.resource.attributes)
            for scoped in group.scope_spans:
                for span in scoped.spans:
                    self.spans.append(ReceivedSpan(span, resource, scoped.scope, scoped.schema_url))

    def _keep_metrics(self, request: ExportMetricsServiceRequest) -> None:
        for group in request.resource_metrics:
            resource = attributes_of(group.resource.attributes)
            for scoped in group.scope_metrics:
                for metric in scoped.metrics:
                    self.metrics.append(ReceivedMetric(metric, resource, scoped.scope, scoped.schema_url))


def span_names(spans: list[ReceivedSpan]) -> dict[str, int]:
    """How many spans there are of each name."""
    counts: dict[str, int] = defaultdict(int)
    for span in spans:
        counts[span.name] += 1
    return dict(counts)


def _handler(receiver: OtlpReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self._body()
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            status = receiver.handle(self.path, dict(self.headers.items()), body)
            if status is None:
                self.close_connection = True
                return
            content_type, answer = receiver.answer
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
