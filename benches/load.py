"""What the soak and the outages share: a collector and a server in processes of their own, and requests at a rate."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent / "tests"
sys.path.insert(0, str(TESTS))

DURATION = "http.server.duration"
"""The histogram that has one measurement for each request."""


class Collector:
    """A collector in a process of its own that can be told to fail; use as a context manager."""

    def __enter__(self) -> Collector:
        command = [sys.executable, "-m", "support.faulty_collector"]
        self._process = subprocess.Popen(
            command, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.port = int(self._output.readline())
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    @property
    def _output(self) -> Any:
        assert self._process.stdout
        return self._process.stdout

    @property
    def variables(self) -> dict[str, str]:
        """What sends an application's telemetry here."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_LOGS_EXPORTER": "none",
        }

    def fail(self, fault: str) -> None:
        """Begins a fault."""
        self._tell(f"fail {fault}")

    def heal(self) -> None:
        """Ends it."""
        self._tell("heal")

    def counts(self) -> dict[str, float]:
        """``spans``, ``duplicates``, and the measurements of the duration as ``total``."""
        self._tell(f"count {DURATION}")
        counts: dict[str, float] = json.loads(self._output.readline())
        return counts

    def _tell(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")


@dataclass
class Load:
    """Requests over kept connections, at a rate in all; ``start``, then ``stop``."""

    port: int
    rate: float
    path: str = "/"
    connections: int = 8
    sent: int = 0
    failed: int = 0
    latencies: list[tuple[float, float, bytes]] = field(default_factory=list)
    """When each request was sent, and how long it took, in seconds, and the process that answered."""

    def start(self) -> Load:
        """Begins to send."""
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(self.connections)]
        self._lock = threading.Lock()
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> Load:
        """Ends, with the requests that are under way."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        return self

    def between(self, begin: float, end: float) -> list[float]:
        """The latencies of the requests that were sent in that time, in seconds."""
        return [latency for sent, latency, _ in self.latencies if begin <= sent < end]

    def by_process(self, begin: float, end: float) -> Counter[bytes]:
        """How many requests each process answered in that time."""
        return Counter(process for sent, _, process in self.latencies if begin <= sent < end)

    def _send(self) -> None:
        pause = self.connections / self.rate
        request = f"GET {self.path} HTTP/1.1\r\nHost: shop.example.com\r\n\r\n".encode()
        connection = None
        latencies, answered, failed = [], 0, 0
        following = time.monotonic() + pause
        while not self._stopped.wait(max(0.0, following - time.monotonic())):
            # Never more than a second behind: a rate that the server does not reach is not made up for.
            following = max(following + pause, time.monotonic() - 1)
            begin = time.monotonic()
            try:
                connection = connection or socket.create_connection(("127.0.0.1", self.port), timeout=30)
                connection.sendall(request)
                answer = _read(connection)
            except (OSError, ValueError):
                failed += 1
                if connection:
                    connection.close()
                connection = None
                continue
            answered += 1
            process = answer.partition(b"X-Pid: ")[2].partition(b"\r\n")[0]
            latencies.append((begin, time.monotonic() - begin, process))
            if b"\r\nConnection: close" in answer:
                connection.close()
                connection = None
        with self._lock:
            self.sent += answered
            self.failed += failed
            self.latencies += latencies


def _read(connection: socket.socket) -> bytes:
    """A whole answer; one that is none or says an error raises."""
    answer = b""
    while True:
        head, _, body = answer.partition(b"\r\n\r\n")
        if body and len(body) == int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]):
            break
        more = connection.recv(65536)
        if not more:
            raise ConnectionError("closed")
        answer += more
    if not answer.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(answer[:100])
    return answer


def percentile(latencies: list[float], share: float = 0.99) -> float:
    """What so many of the latencies, in seconds, did not exceed, in ms."""
    return 1e3 * sorted(latencies)[int(len(latencies) * share)] if latencies else float("nan")


@dataclass(frozen=True)
class Resources:
    """What some processes use."""

    rss_kib: int
    threads: int
    descriptors: int


def resources(pids: list[int]) -> Resources:
    """The sums over processes."""
    rss, threads, descriptors = 0, 0, 0
    for pid in pids:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        rss += int(status["VmRSS"].split()[0])
        threads += int(status["Threads"])
        descriptors += len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Resources(rss, threads, descriptors)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
