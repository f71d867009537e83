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
    server.wait_for_log(f"serving {path.format(800)}")
    server.terminate()
    slow.join()


def _ignoring_errors(port: int, path: str) -> None:
    # A server that ends at once closes the connection.
    with contextlib.suppress(OSError, HTTPException):
        get(port, path)


@pytest.mark.parametrize(
    "options", [("--enable-threads",), (), ("--threads=2",)], ids=["threads", "no threads", "two threads"]
)
def test_uwsgi_exports_what_it_answered(options: tuple[str, ...], receiver: OtlpReceiver, tmp_path: Path) -> None:
    place = environment("flask", "uwsgi", *NATIVE)
    settings = otlp(receiver.endpoint, **LATE)
    with Uwsgi(place, "nested:app", tmp_path, "--processes=2", *options, variables=settings) as server:
        end_while_busy(server, "/wait/{}")
    spans = span_names(receiver.spans)
    assert spans["GET /wait/<int:number>"] >= ANSWERED


def test_uwsgi_exports_what_a_request_flushes_when_it_ends(receiver: OtlpReceiver, tmp_path: Path) -> None:
    receiver.delay = 1
    place = environment("flask", "uwsgi", *NATIVE)
    with Uwsgi(place, "nested:app", tmp_path, variables=otlp(receiver.endpoint, **LATE)) as server:
        slow = threading.Thread(target=lambda: _ignoring_errors(server.port, "/flush"))
        slow.start()
        assert receiver.wait_for(lambda receiver: "/v1/traces" in receiver.paths)
        assert server.terminate() < 9
        slow.join()
    assert span_names(receiver.spans)["flushed"] == 1


def test_uwsgi_without_threads_still_tells_of_failures(tmp_path: Path) -> None:
    place = environment("flask", "uwsgi", *NATIVE)
    settings = otlp("http://127.0.0.1:9", OTEL_BSP_SCHEDULE_DELAY="50")
    with Uwsgi(place, "nested:app", tmp_path, variables=settings) as server:
        get(server.port, "/wait/0")
        server.wait_for_log("otel-rs: sending spans")


@pytest.mark.parametrize("options", [(), ("--workers=2",)], ids=["one process", "workers"])
def test_uvicorn_exports_before_it_raises_the_signal(
    options: tuple[str, ...], receiver: OtlpReceiver, tmp_path: Path
) -> None:
    class Supervised(Uvicorn):
        terminated = 0 if options else -signal.SIGTERM

    place = environment("uvicorn", *NATIVE)
    with Supervised(place, "echo:app", tmp_path, *options, variables=otlp(receiver.endpoint, **LATE)) as server:
        server.wait_for_log("Application startup complete", 2 if options else 1)
        end_while_busy(server, "/{}")
    assert span_names(receiver.spans)["request"] == ANSWERED + 1


def test_uvicorn_s_workers_of_gunicorn_do_so_too(receiver: OtlpReceiver, tmp_path: Path) -> None:
    place = environment(*APPLICATION, "uvicorn", *NATIVE)
    options = ("--workers=2", "--worker-class=uvicorn.workers.UvicornWorker")
    with Gunicorn(place, "echo:app", tmp_path, *options, variables=otlp(receiver.endpoint, **LATE)) as server:
        end_while_busy(server, "/{}")
    assert span_names(receiver.spans)["request"] == ANSWERED + 1


# Celery's own statuses.
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 1)], ids=["SIGTERM", "SIGINT"])
def test_celery_s_workers_export_at_their_end(number: int, status: int, receiver: OtlpReceiver, tmp_path: Path) -> None:
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
        worker.send_signal(number)
        assert worker.wait(60) == status, (tmp_path / "log").read_text()
    finally:
        worker.kill()
    assert span_names(receiver.spans) == {f"task {number}": 1 for number in range(10)}


BILLIARD = """
import billiard
from opentelemetry import trace

def work(name):
    trace.get_tracer("scope").start_span(name).end()
    if name == "raises":
        raise ValueError(name)

children = [billiard.Process(target=work, args=(name,)) for name in ("returns", "raises")]
for child in children:
    child.start()
for child in children:
    child.join()
assert [child.exitcode for child in children] == [0, 1]
"""


def test_processes_of_billiard_export_at_their_end(receiver: OtlpReceiver) -> None:
    place = environment("celery", *NATIVE)
    launcher = place.command("opentelemetry-instrument")
    result = place.run(launcher, place.python, "-c", BILLIARD, variables=otlp(receiver.endpoint, **LATE))
    assert result.returncode == 0, result.stderr
    assert span_names(receiver.spans) == {"returns": 1, "raises": 1}


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
# Some ten ticks come before the flush, and one after it that was as long.
assert len(pauses) > 30 and max(pauses) < 1.9, (len(pauses), max(pauses))
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


HUB = """
import signal, sys, time
import gevent
gevent.sleep(0)
{record}
{waiting}
"""

HUB_WAITING = {
    "hub": "print('ready', flush=True)\ngevent.sleep(30)",
    "greenlets": "print('ready', flush=True)\ngevent.joinall([gevent.spawn(gevent.sleep, 30) for _ in range(3)])",
    "thread pool": "print('ready', flush=True)\ngevent.get_hub().threadpool.apply(time.sleep, (30,))",
    "the hub's own handler": """
gevent.signal_handler(signal.SIGTERM, sys.exit, 7)
print('ready', flush=True)
gevent.sleep(30)
""",
    "a handler over the default": """
if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print('ready', flush=True)
gevent.sleep(30)
""",
}

QUEUED = "from opentelemetry import trace\ntrace.get_tracer('scope').start_span('span').end()"
EMPTIED = f"{QUEUED}\nassert trace.get_tracer_provider().force_flush(20_000)"


@pytest.mark.parametrize("waiting", HUB_WAITING.values(), ids=HUB_WAITING)
@pytest.mark.parametrize("patched", ["", "from gevent import monkey; monkey.patch_all()\n"], ids=["plain", "patched"])
def test_sigterm_ends_a_hub_as_without_telemetry(waiting: str, patched: str, receiver: OtlpReceiver) -> None:
    place = environment("gevent", *NATIVE)
    processes = []
    with contextlib.ExitStack() as stack:
        for record in ("", QUEUED, EMPTIED):
            launcher = [place.command("opentelemetry-instrument")] if record else []
            process = subprocess.Popen(
                [*launcher, place.python, "-c", patched + HUB.format(record=record, waiting=waiting)],
                env=place.variables(**otlp(receiver.endpoint, **LATE)),
                stdout=subprocess.PIPE,
                text=True,
            )
            processes.append(stack.enter_context(process))
            stack.callback(process.kill)
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        bare, queued, emptied = processes
        bare.terminate()
        queued.terminate()
        status = bare.wait(25)
        assert queued.wait(25) == status
        assert span_names(receiver.spans) == {"span": 2}
        # Whatever is exported now takes until the limit.
        receiver.hang = True
        begin = time.monotonic()
        emptied.terminate()
        assert emptied.wait(25) == status
        assert time.monotonic() - begin < 4.5
