"""SIGTERM ends a program as it would without telemetry; what is queued is exported first."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time

import pytest

from support.otlp_receiver import OtlpReceiver, span_names

CLONE_NEWPID = 0x20000000

BARE = "record = flush = lambda *_: None\n"

OURS = """
from otel_rs_sdk import *
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=40), schedule_delay_millis=600_000))
meters = MeterProvider(metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter(timeout=40))])
export_on_sigterm()
counter = meters.get_meter("scope").create_counter("records")

def record(name="span"):
    provider.get_tracer("scope").start_span(name).end()
    counter.add(1)

def flush():
    provider.force_flush(30_000)
"""

EMPTIED = (
    OURS
    + """
def record(name="span", record=record):
    record(name)
    assert provider.force_flush(20_000) and meters.force_flush(20_000)
"""
)
"""As above, with nothing queued after each record."""

READY = "\nimport signal, time\nready = lambda: print('ready', flush=True)\n"

HANDLERS = {
    "before": "signal.signal(signal.SIGTERM, lambda *_: exit(7))\nrecord()\n",
    "after": "record()\nsignal.signal(signal.SIGTERM, lambda *_: exit(7))\n",
    "over the default": """
record()
if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
    signal.signal(signal.SIGTERM, lambda *_: exit(7))
""",
    "chained": """
record()
before = signal.getsignal(signal.SIGTERM)
def handle(number, frame):
    if callable(before):
        before(number, frame)
    exit(7)
signal.signal(signal.SIGTERM, handle)
""",
    "asked to default again": """
signal.signal(signal.SIGTERM, lambda *_: exit(7))
record()
flush()
signal.signal(signal.SIGTERM, signal.SIG_DFL)
record()
""",
    "asked to default again, no export": """
signal.signal(signal.SIGTERM, lambda *_: exit(7))
record()
signal.signal(signal.SIGTERM, signal.SIG_DFL)
time.sleep(0.2)
record()
""",
}

WAITING = {
    "sleep": "record()\nready()\ntime.sleep(30)",
    "C code": "import hashlib\nrecord()\nready()\nhashlib.pbkdf2_hmac('sha256', b'', b'', 500_000_000)",
    "asyncio": "import asyncio\nrecord()\nready()\nasyncio.run(asyncio.sleep(30))",
    "threads": """
import threading
for _ in range(4):
    threading.Thread(target=time.sleep, args=(30,)).start()
record()
ready()
""",
    "a lock": "import threading\nlock = threading.Lock()\nlock.acquire()\nrecord()\nready()\nlock.acquire()",
    "a thread that records": """
import threading
thread = threading.Thread(target=record)
thread.start()
thread.join()
ready()
time.sleep(30)
""",
    **{f"handler {when}": f"{handler}\nready()\ntime.sleep(30)" for when, handler in HANDLERS.items()},
    "ignored": """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
record()
ready()
time.sleep(1)
exit(5)
""",
    "waited for": """
record()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
ready()
exit(6 if signal.sigwait([signal.SIGTERM]) == signal.SIGTERM else 1)
""",
    "nothing recorded": "ready()\ntime.sleep(30)",
}


def launch(program: str, receiver: OtlpReceiver) -> subprocess.Popen[str]:
    """Starts a program."""
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_until_ready(*processes: subprocess.Popen[str]) -> None:
    """Waits until the programs are in the calls that they wait in."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    time.sleep(0.3)


def start(program: str, receiver: OtlpReceiver) -> subprocess.Popen[str]:
    """Starts a program and waits until it is ready."""
    process = launch(program, receiver)
    wait_until_ready(process)
    return process


def end(process: subprocess.Popen[str]) -> tuple[int, float]:
    """Ends a program by SIGTERM: its status, and the seconds that it took."""
    begin = time.monotonic()
    process.terminate()
    status = process.wait(25)
    return status, time.monotonic() - begin


@pytest.mark.parametrize("waiting", WAITING.values(), ids=WAITING)
def test_the_exit_is_that_of_the_bare_program(receiver: OtlpReceiver, waiting: str) -> None:
    programs = [telemetry + READY + waiting for telemetry in (BARE, OURS, EMPTIED)]
    with contextlib.ExitStack() as stack:
        bare, queued, emptied = (stack.enter_context(launch(program, receiver)) for program in programs)
        for process in (bare, queued, emptied):
            stack.callback(process.kill)
        wait_until_ready(bare, queued, emptied)
        status, seconds = end(bare)
        assert end(queued)[0] == status
        recorded = waiting.count("record()") or waiting.count("target=record")
        assert sum(span_names(receiver.spans).values()) == 2 * recorded
        # Whatever the signal has exported now takes until the limit. A handler that ends the program by an
        # ordinary exit has the metrics exported once more.
        receiver.hang = status == -signal.SIGTERM
        requests = len(receiver.paths)
        emptied_status, emptied_seconds = end(emptied)
        assert emptied_status == status
        if receiver.hang:
            assert emptied_seconds < seconds + 3
            assert len(receiver.paths) == requests


UNDER_WAY = {
    "a thread shuts down": "record()\nthreading.Thread(target=provider.shutdown).start()\n",
    "a span is being exported": """
simple = TracerProvider()
simple.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
threading.Thread(target=simple.get_tracer("scope").start_span("span").end).start()
""",
}


@pytest.mark.parametrize("program", UNDER_WAY.values(), ids=UNDER_WAY)
def test_what_is_under_way_is_waited_for(receiver: OtlpReceiver, program: str) -> None:
    receiver.delay = 1
    # A first record has the signal handled.
    program = (
        f"record('first')\nflush()\nmeters.force_flush(30_000)\n{program}\ntime.sleep(0.2)\nready()\ntime.sleep(30)"
    )
    with start(f"{OURS}{READY}import threading\n{program}", receiver) as process:
        process.terminate()
        assert process.wait(25) == -signal.SIGTERM
    assert span_names(receiver.spans) == {"first": 1, "span": 1}


def test_what_python_says_of_the_signal_stays(receiver: OtlpReceiver) -> None:
    program = "record()\nassert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL\nready()\ntime.sleep(30)"
    with start(OURS + READY + program, receiver) as process:
        process.terminate()
        assert process.wait(25) == -signal.SIGTERM
    assert span_names(receiver.spans) == {"span": 1}


@pytest.mark.parametrize("waiting", ["flush()", "exit()", "time.sleep(60)"], ids=["flush", "exit", "sleep"])
def test_a_silent_collector_delays_the_end_by_the_limit_at_most(receiver: OtlpReceiver, waiting: str) -> None:
    receiver.hang = True
    with start(OURS + READY + f"record()\nready()\n{waiting}", receiver) as process:
        begin = time.monotonic()
        process.terminate()
        assert process.wait(25) == -signal.SIGTERM
        assert time.monotonic() - begin < 9


@pytest.mark.parametrize("waiting", ["flush()", "exit()", "time.sleep(60)"], ids=["flush", "exit", "sleep"])
def test_a_second_signal_acts_at_once(receiver: OtlpReceiver, waiting: str) -> None:
    receiver.hang = True
    limit = "from otel_rs_sdk import _lifecycle\n_lifecycle.SIGTERM_TIMEOUT_MILLIS = 600_000\n"
    limit += "_lifecycle.EXIT_TIMEOUT_MILLIS = 600_000\n"
    with start(limit + OURS + READY + f"record()\nready()\n{waiting}", receiver) as process:
        process.terminate()
        assert receiver.wait_for(lambda receiver: bool(receiver.paths))
        # Two that come together are one.
        time.sleep(1)
        process.terminate()
        assert process.wait(25) == -signal.SIGTERM


@pytest.mark.parametrize("waiting", ["flush()", "meters.force_flush(30_000)", "provider.shutdown(30_000)"])
def test_an_interrupt_ends_a_wait(receiver: OtlpReceiver, waiting: str) -> None:
    receiver.hang = True
    program = f"record()\nready()\ntry:\n    {waiting}\nexcept KeyboardInterrupt:\n    import os\n    os._exit(77)"
    with start(OURS + READY + program, receiver) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(25) == 77


def test_an_interrupt_ends_the_exit(receiver: OtlpReceiver) -> None:
    receiver.hang = True
    limit = "from otel_rs_sdk import _lifecycle\n_lifecycle.EXIT_TIMEOUT_MILLIS = 600_000\n"
    with start(limit + OURS + READY + "record()\nready()", receiver) as process:
        assert receiver.wait_for(lambda receiver: bool(receiver.paths))
        process.send_signal(signal.SIGINT)
        # The last resort, at `exit`, still gives ten seconds.
        assert process.wait(25) == 0


POOL = """
import hashlib, multiprocessing
record("parent")

def work(number):
    record(f"item {number}")
    return number

def hang(_):
    hashlib.pbkdf2_hmac("sha256", b"", b"", 500_000_000)

with multiprocessing.get_context("fork").Pool(2) as pool:
    pool.map(work, range(6))
    pool.map_async(hang, range(2))
    time.sleep(0.5)
    begin = time.monotonic()
pool.join()
assert time.monotonic() - begin < 9
ready()
"""


def test_workers_of_a_pool_export_before_they_are_terminated(receiver: OtlpReceiver) -> None:
    with start(OURS + READY + POOL, receiver) as process:
        assert process.wait(25) == 0
    assert span_names(receiver.spans) == {"parent": 1, **{f"item {number}": 1 for number in range(6)}}


def test_workers_of_a_pool_with_nothing_queued_are_terminated_at_once(receiver: OtlpReceiver) -> None:
    program = POOL.replace("    begin =", "    ready()\n    input()\n    begin =").replace("< 9", "< 3")
    with launch(f"{EMPTIED}{READY}{program}\ntime.sleep(30)", receiver) as process:
        wait_until_ready(process)
        receiver.hang = True
        requests = len(receiver.paths)
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        wait_until_ready(process)
        assert len(receiver.paths) == requests
        process.kill()


CHILDREN = {
    "forked": "child = os.fork()\nif child == 0:\n    time.sleep(30)\n    os._exit(1)",
    "forked, records": "child = os.fork()\nif child == 0:\n    record('child')\n    time.sleep(30)\n    os._exit(1)",
    "executed": "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)']).pid",
}


@pytest.mark.parametrize("child", CHILDREN.values(), ids=CHILDREN)
def test_children_end_by_it_too(receiver: OtlpReceiver, child: str) -> None:
    program = f"""
import os, subprocess, sys
record()
flush()
{child}
time.sleep(1)
os.kill(child, signal.SIGTERM)
_, status = os.waitpid(child, 0)
assert os.WTERMSIG(status) == signal.SIGTERM, status
ready()
"""
    with start(OURS + READY + program, receiver) as process:
        assert process.wait(25) == 0
    assert span_names(receiver.spans) == {"span": 1, **({"child": 1} if "child'" in child else {})}


def test_the_first_process_of_a_container_exports_and_goes_on(receiver: OtlpReceiver) -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(0) or os.geteuid() != 0:
        pytest.skip("needs a process namespace of its own")
    program = f"""
import ctypes, os
assert ctypes.CDLL(None).unshare({CLONE_NEWPID}) == 0
if os.fork():
    os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
{OURS}{READY}
assert os.getpid() == 1
record()
ready()
time.sleep(60)
"""
    with start(program, receiver) as process:
        children = f"/proc/{process.pid}/task/{process.pid}/children"
        with open(children) as file:
            first = int(file.read().split()[0])
        for count in (1, 2):
            os.kill(first, signal.SIGTERM)
            assert receiver.wait_for(lambda receiver: span_names(receiver.spans) == {"span": 1}), count
        assert process.poll() is None
        os.kill(first, signal.SIGKILL)
