"""Against rotel, an OpenTelemetry collector that others wrote."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.environments import Environment, environment
from support.gunicorn import Gunicorn
from support.http_client import Request, send_all
from support.settings import otlp

REQUESTS = 100
_START_SECONDS = 90.0


class Rotel:
    """A running rotel; ``received`` is what it says it received."""

    def __init__(self, output: Path, endpoint: str) -> None:
        self._output = output
        self.endpoint = endpoint

    def received(self, data_type: str, count: str) -> int:
        """The sum of ``count`` over all exports of ``data_type``."""
        return sum(line[count] for line in self._lines() if line.get("data_type") == data_type)

    def _lines(self) -> Iterator[dict[str, Any]]:
        for line in self._output.read_text().splitlines():
            yield json.loads(line)


@pytest.fixture
def rotel(tmp_path: Path) -> Iterator[Rotel]:
    """A rotel that drops what it receives and prints how much it was; skips where rotel does not run."""
    try:
        place = environment("rotel")
    except AssertionError as error:
        pytest.skip(f"rotel has no wheel for this platform: {str(error).strip().splitlines()[-1]}")
    program = next(place.path.glob("lib/python*/site-packages/rotel/rotel-agent"))
    with socket.socket() as grpc, socket.socket() as http:
        grpc.bind(("127.0.0.1", 0))
        http.bind(("127.0.0.1", 0))
        grpc_endpoint, http_endpoint = (f"127.0.0.1:{listener.getsockname()[1]}" for listener in (grpc, http))
    output = tmp_path / "rotel.json"
    command = [str(program), "--log-format", "json", "start", "--exporter", "blackhole"]
    command += ["--debug-log", "traces", "--debug-log", "metrics"]
    command += ["--otlp-grpc-endpoint", grpc_endpoint, "--otlp-http-endpoint", http_endpoint]
    command += ["--pid-file", str(tmp_path / "rotel.pid")]
    with output.open("wb") as stdout, (tmp_path / "rotel.log").open("w+") as stderr:
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, env=place.variables())
        try:
            if not _listens(http_endpoint, process):
                stderr.seek(0)
                # The program links libpython3.11.so.1.0, which not every machine has.
                pytest.skip(f"rotel does not start here: {stderr.read().strip()}")
            yield Rotel(output, f"http://{http_endpoint}")
        finally:
            process.terminate()
            process.wait(20)


def test_everything_arrives(rotel: Rotel, native: Environment, tmp_path: Path) -> None:
    with Gunicorn(native, "shop:app", tmp_path, "--workers=2", variables=otlp(rotel.endpoint)) as server:
        responses = send_all(server.port, [Request(f"/items/{number}") for number in range(REQUESTS)])
        server.terminate()
    assert {response.status for response in responses} == {200}
    assert rotel.received("traces", "spans") == REQUESTS
    assert rotel.received("metrics", "metrics") >= 2


def _listens(endpoint: str, process: subprocess.Popen[bytes]) -> bool:
    host, port = endpoint.split(":")
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False
