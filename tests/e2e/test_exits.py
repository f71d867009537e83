"""Servers that end in ways of their own: what they have answered is exported."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from http.client import HTTPException
from pathlib import Path

import pytest

from support.environments import APPLICATION, NATIVE, environment
from support.gunicorn import Gunicorn
from support.http_client import get
from support.otlp_receiver import OtlpReceiver, span_names
from support.server import Server
from support.settings import otlp
from support.uvicorn import Uvicorn
from support.uwsgi import Uwsgi

ANSWERED = 20

LATE = {"OTEL_BSP_SCHEDULE_DELAY": "600000"}
"""Nothing is exported before the end."""


def end_while_busy(server: Server, path: str) -> None:
    """Ends a server by SIGTERM while it serves a request."""
    for _ in range(ANSWERED):
        assert get(server.port, path.format(0)).status == 200
    slow = threading.Thread(target=lambda: _ignoring_errors(server.port, path.format(800)))
    slow.start()
    time.sleep(0.3)
    server.terminate()
    slow.join()


def _ignoring_errors(port: int, path: str) -> None:
    # A server that ends at once closes the connection.
    with contextlib.suppress(OSError, HTTPException):
        get(port, path)


@pytest.mark.parametrize("options", [("--enable-threads",), ()], ids=["threads", "no threads"])
def test_uwsgi_exports_what_it_answered(options: tuple[str, ...], receiver: OtlpReceiver, tmp_path: Path) -> None:
    place = environment("flask", "uwsgi", *NATIVE)
    settings = otlp(receiver.endpoint, **LATE)
    with Uwsgi(place, "nested:app", tmp_path, "--processes=2", *options, variables=settings) as server:
        end_while_busy(server, "/wait/{}")
    spans = span_names(receiver.spans)
    assert spans["GET /wait/<int:number>"] >= ANSWERED


def test_uwsgi_without_threads_still_tells_of_failures(tmp_path: Path) -> None:
    place = environment("flask", "uwsgi", *NATIVE)
    settings = otlp("http://127.0.0.1:9", OTEL_BSP_SCHEDULE_DELAY="50")
    with Uwsgi(place, "nested:app", tmp_path, variables=settings) as server:
        get(server.port, "/wait/0")
        deadline = time.monotonic() + 20
        while "otel-rs: sending spans" not in server.log and time.monotonic() < deadline:
            time.sleep(0.1)
        assert "otel-rs: sending spans" in server.log


@pytest.mark.parametrize("options", [(), ("--workers=2",)], ids=["one process", "workers"])
def test_uvicorn_exports_before_it_raises_the_signal(
    options: tuple[str, ...], receiver: OtlpReceiver, tmp_path: Path
) -> None:
    class Supervised(Uvicorn):
        terminated = 0 if options else -signal.SIGTERM

    place = environment("uvicorn", *NATIVE)
    with Supervised(place, "echo:app", tmp_path, *options, variables=otlp(receiver.endpoint, **LATE)) as server:
        if options:
            time.sleep(2)
        end_while_busy(server, "/{}")
    assert span_names(receiver.spans)["request"] == ANSWERED + 1


def test_uvicorn_s_workers_of_gunicorn_do_so_too(receiver: OtlpReceiver, tmp_path: Path) -> None:
    place = environment(*APPLICATION, "uvicorn", *NATIVE)
    options = ("--workers=2", "--worker-class=uvicorn.workers.UvicornWorker")
    with Gunicorn(place, "echo:app", tmp_path, *options, variables=otlp(receiver.endpoint, **LATE)) as server:
        end_while_busy(server, "/{}")
    assert span_names(receiver.spans)["request"] == ANSWERED + 1


def test_celery_s_workers_export_at_their_end(receiver: OtlpReceiver, tmp_path: Path) -> None:
    place = environment("celery", *NATIVE)
    folder = Path(__file__).with_name("apps")
    variables = place.variables(
        **otlp(receiver.endpoint, **LATE), CELERY_FOLDER=str(tmp_path), C_FORCE_ROOT="1", PYTHONPATH=str(folder)
    )
    command = [place.command("opentelemetry-instrument"), place.command("celery"), "-A", "prefork", "worker", "-c", "2"]
    with (tmp_path / "log").open("w") as log:
        worker = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log)
    try:
        client = "from prefork import work\nfor result in [work.delay(n) for n in range(10)]: result.get(timeout=60)"
        bare = {name: value for name, value in variables.items() if not name.startswith("OTEL_")}
        subprocess.run([place.python, "-c", client], cwd=folder, env=bare, check=True, timeout=90)
        worker.terminate()
        assert worker.wait(60) == 0, (tmp_path / "log").read_text()
    finally:
        worker.kill()
    assert span_names(receiver.spans) == {f"task {number}": 1 for number in range(10)}


GEVENT = """
import time
import gevent
from otel_rs_sdk import *
pauses = []
def tick():
    last = time.monotonic()
    while True:
        gevent.sleep(0.01)
        now = time.monotonic()
        pauses.append(now - last)
        last = now
gevent.spawn(tick)
gevent.sleep(0.1)
provider = TracerProvider(shutdown_on_exit=False)
provider.add_span_processor({processor}(OTLPSpanExporter(timeout=2)))
provider.get_tracer("scope").start_span("span").end()
provider.force_flush(2000)
assert len(pauses) > 50 and max(pauses) < 1, (len(pauses), max(pauses))
try:
    with gevent.Timeout(0.2):
        provider.get_tracer("scope").start_span("span").end()
        provider.force_flush(2000)
        raise SystemExit("no timeout")
except gevent.Timeout:
    pass
import os
os._exit(0)
"""


@pytest.mark.parametrize("processor", ["BatchSpanProcessor", "SimpleSpanProcessor"])
@pytest.mark.parametrize("patched", ["", "from gevent import monkey; monkey.patch_all()\n"], ids=["plain", "patched"])
def test_greenlets_go_on_while_one_waits(processor: str, patched: str, receiver: OtlpReceiver) -> None:
    receiver.hang = True
    place = environment("gevent", *NATIVE)
    result = place.run("-c", patched + GEVENT.format(processor=processor), variables=otlp(receiver.endpoint))
    assert result.returncode == 0, result.stderr
