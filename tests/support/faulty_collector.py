"""An OTLP/HTTP collector that fails in the ways in which collectors, and what stands before them, fail.

In a test it runs in the test's process; ``python -m support.faulty_collector`` runs one that is told what to do by
lines on its standard input (see ``main``) and keeps what it counts out of the measured processes.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import sys
import threading
import time
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

FAULTS = ("refused", "black_hole", "503", "503_retry_after", "429", "half_closed", "garbage", "slow", "reset")

_ANSWERS = {
    "503": "503 Service Unavailable\r\n",
    "503_retry_after": "503 Service Unavailable\r\nRetry-After: 2\r\n",
    "429": "429 Too Many Requests\r\n",
}
_SLOW_SECONDS = 3.0


class FaultyCollector:
    """Listens on a loopback port of its own; use as a context manager.

    ``fail(name)`` begins one of ``FAULTS`` (or ``stuck``), ``fail(None)`` ends it. A request that is answered well is
    counted: spans, those that came twice, and the sums and counts of the last cumulative export of each process, or the
    sum of all deltas.
    """

    def __init__(self) -> None:
        self.spans = 0
        self.duplicates = 0
        self.requests = 0
        self._ids: set[bytes] = set()
        self._streams: dict[Any, float] = {}
        self._deltas: dict[str, float] = {}
        self._fault: str | None = None
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]
        self._accept()

    @property
    def endpoint(self) -> str:
        """The value for ``OTEL_EXPORTER_OTLP_ENDPOINT``."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> FaultyCollector:
        return self

    def __exit__(self, *_: object) -> None:
        self.fail("refused")

    def fail(self, fault: str | None) -> None:
        """Begins a fault, or ends it."""
        before, self._fault = self._fault, fault
        if "refused" in (before, fault) and before != fault:
            if fault == "refused":
                # A thread that waits in accept() would keep the socket open.
                self._listener.shutdown(socket.SHUT_RDWR)
                self._listener.close()
            else:
                self._listener = self._listen(self.port)
                self._accept()
        if fault != "refused":
            # Those that are open go on, each request as it finds the collector.
            return
        with self._lock:
            connections, self._connections = self._connections, set()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def total(self, metric: str) -> float:
        """The sum of a counter, or the count of a histogram, over all processes."""
        with self._lock:
            streams = sum(value for (name, *_), value in self._streams.items() if name == metric)
            return streams + self._deltas.get(metric, 0)

    def wait_for_spans(self, count: int, timeout: float = 60.0) -> bool:
        """Waits until so many spans have come; returns whether they have."""
        deadline = time.monotonic() + timeout
        while self.spans < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.spans >= count

    @staticmethod
    def _listen(port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        return listener

    def _accept(self) -> None:
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection, connection.makefile("rb") as reader:
            while self._answer(connection, reader):
                pass
        with self._lock:
            self._connections.discard(connection)

    def _answer(self, connection: socket.socket, reader: Any) -> bool:
        """Reads and answers one request; whether another may follow on the connection."""
        if self._fault == "half_closed":
            connection.shutdown(socket.SHUT_WR)
        head: list[bytes] = []
        while (line := reader.readline().strip()) or not head:
            if not line:
                return False
            head.append(line)
        headers = dict(line.lower().split(b": ", 1) for line in head[1:])
        body = reader.read(int(headers[b"content-length"]))
        fault = self._fault
        if fault in (None, "slow"):
            if fault:
                time.sleep(_SLOW_SECONDS)
            self._count(head[0].split()[1].decode(), body)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return True
        if fault == "black_hole":
            while self._fault == fault:
                time.sleep(0.05)
        elif fault == "stuck":
            # Also after the fault: only new connections get through.
            while self._fault != "refused":
                time.sleep(0.05)
        elif fault == "garbage":
            connection.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        elif fault == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif fault in _ANSWERS:
            connection.sendall(f"HTTP/1.1 {_ANSWERS[fault]}Content-Length: 0\r\n\r\n".encode())
            return True
        return False

    def _count(self, path: str, body: bytes) -> None:
        with self._lock:
            self.requests += 1
            if path == "/v1/traces":
                self._count_spans(ExportTraceServiceRequest.FromString(body))
            else:
                self._count_metrics(ExportMetricsServiceRequest.FromString(body))

    def _count_spans(self, request: ExportTraceServiceRequest) -> None:
        for group in request.resource_spans:
            for scope in group.scope_spans:
                for span in scope.spans:
                    if span.span_id in self._ids:
                        self.duplicates += 1
                    else:
                        self._ids.add(span.span_id)
                        self.spans += 1

    def _count_metrics(self, request: ExportMetricsServiceRequest) -> None:
        for group in request.resource_metrics:
            resource = group.resource.SerializeToString(deterministic=True)
            for scope in group.scope_metrics:
                for metric in scope.metrics:
                    kind = metric.WhichOneof("data") or "gauge"
                    data = getattr(metric, kind)
                    for point in data.data_points:
                        value = point.count if kind == "histogram" else point.as_int or point.as_double
                        if getattr(data, "aggregation_temporality", 2) == 1:
                            self._deltas[metric.name] = self._deltas.get(metric.name, 0) + value
                        else:
                            attributes = tuple(pair.SerializeToString(deterministic=True) for pair in point.attributes)
                            start = point.start_time_unix_nano
                            self._streams[metric.name, resource, frozenset(attributes), start] = value


def main() -> None:
    """Prints its port, then obeys: ``fail NAME``, ``heal``, and ``count METRIC``, answered with JSON."""
    with FaultyCollector() as collector:
        print(collector.port, flush=True)
        for line in sys.stdin:
            verb, _, argument = line.strip().partition(" ")
            if verb == "count":
                counts = {"spans": collector.spans, "duplicates": collector.duplicates}
                print(json.dumps(counts | {"total": collector.total(argument)}), flush=True)
            else:
                collector.fail(argument or None)


if __name__ == "__main__":
    main()
