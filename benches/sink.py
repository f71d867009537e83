"""An OTLP/HTTP receiver in a process of its own: it keeps the exports and counts them when asked.

Prints its port, then serves until standard input closes. ``GET /`` answers with the counts since the last ``GET`` as
JSON; decoding waits until then, so that it takes no CPU from what is measured.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_bodies: list[tuple[str, bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        _bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer(b"", "application/x-protobuf")

    def do_GET(self) -> None:
        bodies, _bodies[:] = _bodies[:], []
        self._answer(json.dumps(_count(bodies)).encode(), "application/json")

    def _answer(self, body: bytes, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _count(bodies: list[tuple[str, bytes]]) -> dict[str, int]:
    spans, measured = 0, 0
    for path, body in bodies:
        if path == "/v1/traces":
            traces = ExportTraceServiceRequest.FromString(body)
            spans += sum(len(scoped.spans) for group in traces.resource_spans for scoped in group.scope_spans)
        elif path == "/v1/metrics":
            metrics = ExportMetricsServiceRequest.FromString(body)
            # Cumulative: the last export has the total.
            measured = sum(
                point.count
                for group in metrics.resource_metrics
                for scoped in group.scope_metrics
                for metric in scoped.metrics
                for point in metric.histogram.data_points
            )
    return {"spans": spans, "measured": measured}


def main() -> None:
    """Serves until standard input closes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
