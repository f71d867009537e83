"""Serves a Flask application under the stock launcher and shows the spans and metrics that it made.

Needs the wheels in ``dist`` (``make demo`` builds them). Ends by itself; the exit status says whether every request was
recorded as it should be.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from display import heading, show_metrics, show_traces, verdict
from telemetry import Point, Span, read

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENVIRONMENT = ROOT / ".venv-demo"
PACKAGES = ("otel-rs-distro", "otel-rs-instr-flask", "flask", "gunicorn")
# What the native road does without.
UNWANTED = ("opentelemetry-sdk", "protobuf", "grpcio", "requests")
CALLER = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")


@dataclass(frozen=True)
class Request:
    """One request of the demo and what its server span must say."""

    path: str
    status: int
    span: str
    why: str
    traceparent: str = ""


REQUESTS = (
    Request("/books", 200, "GET /books", "a plain view"),
    Request("/", 302, "GET /", "a redirect"),
    Request("/books/1", 200, "GET /books/<int:number>", "a view with a span of its own"),
    Request("/books/7", 404, "GET /books/<int:number>", "a view that calls abort(404)"),
    Request("/nowhere", 404, "GET /nowhere", "no such route"),
    Request("/prices/1", 500, "GET /prices/<int:number>", "a view that raises"),
    Request("/books/2", 200, "GET /books/<int:number>", "a caller that is traced", f"00-{CALLER[0]}-{CALLER[1]}-01"),
)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def install() -> None:
    """A fresh environment with our wheels, Flask and gunicorn, and nothing else."""
    wheels = os.environ.get("OTEL_RS_DIST", str(ROOT / "dist"))
    constraints = str(ROOT / "tests" / "requirements" / "constraints.txt")
    create = [str(ROOT / "scripts" / "create_environment.sh"), sys.executable, str(ENVIRONMENT)]
    subprocess.run([*create, "--constraint", constraints, "--find-links", wheels, *PACKAGES], check=True)


def installed() -> str:
    """What ``pip list`` prints."""
    return subprocess.run(
        [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "list", "--disable-pip-version-check"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def serve_and_request(folder: Path) -> tuple[list[int], str, str]:
    """Runs the application, sends the requests, stops it; returns the statuses and what it wrote."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTHON"))}
    environment |= {
        "PATH": f"{ENVIRONMENT / 'bin'}{os.pathsep}{environment['PATH']}",
        "OTEL_SERVICE_NAME": "bookshop",
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_METRICS_EXPORTER": "console",
        # It would be a file in the home directory, shared with any other gunicorn of the user.
        "GUNICORN_CMD_ARGS": "--no-control-socket",
    }
    command = ["opentelemetry-instrument", "gunicorn", "--bind", "127.0.0.1:0", "app:app"]
    print("  " + " ".join(f"{name}={environment[name]}" for name in environment if name.startswith("OTEL_")))
    print("  " + " ".join(command))
    output, log = folder / "output", folder / "log"
    with output.open("wb") as stdout, log.open("wb") as stderr:
        server = subprocess.Popen(
            [str(ENVIRONMENT / "bin" / command[0]), *command[1:]],
            cwd=HERE,
            env=environment,
            stdout=stdout,
            stderr=stderr,
        )
    try:
        port = _port(server, log)
        statuses = [_get(port, request) for request in REQUESTS]
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()
    return statuses, output.read_text(), log.read_text()


def _port(server: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        if listening := re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", log.read_text()):
            return int(listening[1])
        time.sleep(0.05)
    raise SystemExit(f"gunicorn did not start:\n{log.read_text()}")


def _get(port: int, request: Request) -> int:
    headers = {"User-Agent": "demo"} | ({"traceparent": request.traceparent} if request.traceparent else {})
    message = urllib.request.Request(f"http://127.0.0.1:{port}{request.path}", headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    try:
        with opener.open(message, timeout=30) as response:
            status = int(response.status)
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
    print(f"  GET {request.path:12} {status}   {request.why}")
    return status


def problems(statuses: list[int], spans: Sequence[Span], points: Sequence[Point], packages: str) -> list[str]:
    """What is not as it should be, in words."""
    found = []
    expected: Counter[tuple[str, object]] = Counter((request.span, request.status) for request in REQUESTS)
    servers = [span for span in spans if span.kind == "SERVER"]
    recorded: Counter[tuple[str, object]] = Counter(
        (span.name, span.attributes.get("http.status_code")) for span in servers
    )
    if statuses != [request.status for request in REQUESTS]:
        found.append(f"the application answered {statuses}")
    found += [f"no span for {name} with status {status}" for name, status in (expected - recorded)]
    found += [f"unexpected span {name} with status {status}" for name, status in (recorded - expected)]
    if not any(span.exceptions == ["ZeroDivisionError: division by zero"] for span in servers):
        found.append("the exception of /prices/1 is not recorded")
    if [(span.trace_id, span.parent_id) for span in servers if span.parent_id] != [CALLER]:
        found.append("the span of the traced caller's request does not continue the caller's trace")
    of_views = [span for span in spans if span.name == "look up book"]
    parents = {span.span_id for span in servers if span.name == "GET /books/<int:number>"}
    if {span.parent_id for span in of_views} != parents:
        found.append("the application's own spans are not children of the server spans")
    if (measured := sum(point.count or 0 for point in points if point.metric == "http.server.duration")) != len(
        REQUESTS
    ):
        found.append(f"the duration histogram has {measured} requests")
    names = {line.split()[0].lower() for line in packages.splitlines() if line}
    found += [f"{name} is installed" for name in UNWANTED if name in names]
    return found


def main() -> int:
    """Runs the demo and returns the exit status."""
    heading("A fresh environment")
    install()
    packages = installed()
    print(packages)
    print(f"Not needed and not there: {', '.join(UNWANTED)}.")

    heading("A Flask application under the stock launcher")
    with tempfile.TemporaryDirectory() as folder:
        statuses, output, log = serve_and_request(Path(folder))
    spans, points = read(output)

    heading("Spans")
    show_traces(spans)
    heading("Metrics")
    show_metrics(points)

    if found := problems(statuses, spans, points, packages):
        heading("Log of the server")
        print(log)
        verdict("FAILED: " + "; ".join(found), good=False)
        return 1
    verdict(
        f"OK: {len(REQUESTS)} requests, {len(spans)} spans, {len(points)} metric points, "
        "recorded and exported in Rust by the wheels in dist.",
        good=True,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
