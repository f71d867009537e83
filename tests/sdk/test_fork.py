"""Fork: a child forgets what it inherited, has ids of its own, and exports what it records itself."""

import json
from typing import Any

import pytest

from sdk.two_sdks import run
from support.otlp_receiver import OtlpReceiver, span_names

SETUP = """
import os, sys, json, threading, multiprocessing
from otel_rs_sdk import *
provider = TracerProvider()
processor = BatchSpanProcessor(OTLPSpanExporter())
provider.add_span_processor(processor)
tracer = provider.get_tracer("scope")

def record(name):
    with tracer.start_as_current_span(name) as span:
        return span

def leave(code=0):
    provider.shutdown()
    os._exit(code)

def join(pid):
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""


def run_forking(program: str, receiver: OtlpReceiver) -> str:
    log = run(SETUP + program, {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint})
    assert "ERROR" not in log, log
    ids = [span.span_id for span in receiver.spans]
    assert len(set(ids)) == len(ids)
    return log


def test_each_span_is_exported_once_and_ids_differ(receiver: OtlpReceiver) -> None:
    program = """
record("queued before the fork")
if (pid := os.fork()) == 0:
    record("child")
    leave()
record("parent")
join(pid)
"""
    run_forking(program, receiver)
    assert span_names(receiver.spans) == {"queued before the fork": 1, "child": 1, "parent": 1}
    assert len({span.trace_id for span in receiver.spans}) == 3


def test_a_child_of_a_child_is_no_different(receiver: OtlpReceiver) -> None:
    program = """
record("first")
provider.force_flush()
for generation in range(3):
    if pid := os.fork():
        record("parent")
        join(pid)
        leave()
    record("child")
leave()
"""
    run_forking(program, receiver)
    assert span_names(receiver.spans) == {"first": 1, "parent": 3, "child": 3}


def test_a_fork_in_c_is_noticed_too(receiver: OtlpReceiver) -> None:
    # `ctypes` calls the C library's `fork`, as uWSGI does: no hook of Python's is run in the child.
    program = """
import ctypes
record("queued before the fork")
if (pid := ctypes.PyDLL(None).fork()) == 0:
    record("child")
    leave()
record("parent")
join(pid)
"""
    run_forking(program, receiver)
    assert span_names(receiver.spans) == {"queued before the fork": 1, "child": 1, "parent": 1}


def test_threads_that_record_while_the_process_forks(receiver: OtlpReceiver) -> None:
    program = """
stop = threading.Event()
def busy():
    while not stop.is_set():
        record("busy")
threads = [threading.Thread(target=busy) for _ in range(4)]
for thread in threads:
    thread.start()
for _ in range(20):
    if (pid := os.fork()) == 0:
        record("child")
        leave(0 if processor.dropped_spans == processor.dropped_spans else 1)
    join(pid)
stop.set()
for thread in threads:
    thread.join()
"""
    run_forking(program, receiver)
    assert span_names(receiver.spans)["child"] == 20


def test_a_span_of_the_parent_can_be_ended_by_the_child(receiver: OtlpReceiver) -> None:
    program = """
span = tracer.start_span("both")
if (pid := os.fork()) == 0:
    span.set_attribute("ended by", "child")
    span.end()
    record("child")
    leave()
join(pid)
span.set_attribute("ended by", "parent")
span.end()
"""
    log = run(SETUP + program, {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint})
    assert "ERROR" not in log
    both = [span for span in receiver.spans if span.name == "both"]
    assert {span.attributes["ended by"] for span in both} == {"child", "parent"}


def test_the_child_is_a_service_instance_of_its_own(receiver: OtlpReceiver) -> None:
    program = """
if (pid := os.fork()) == 0:
    record("child")
    leave()
join(pid)
record("parent")
"""
    run_forking(program, receiver)
    instances = {span.name: span.resource["service.instance.id"] for span in receiver.spans}
    assert instances["child"] != instances["parent"]


def test_nothing_starts_before_the_first_span(receiver: OtlpReceiver) -> None:
    program = """
threads = lambda: len(os.listdir("/proc/self/task"))
before = threads()
provider.get_tracer("other").start_span("never ended")
assert provider.force_flush()
assert threads() == before
record("first")
# The export's, the one that sees to the end of the process, and the one that logs.
assert threads() == before + 3
"""
    run_forking(program, receiver)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_child_of_multiprocessing_exports_at_its_exit(
    method: str, when: str, receiver: OtlpReceiver, tmp_path: Any
) -> None:
    # `multiprocessing` is imported before or after the provider is made; its children leave through `os._exit`.
    first = "import multiprocessing.util\n" if when == "before" else ""
    program = f"""
import sys
{first}
from otel_rs_sdk import *
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))

def work(name):
    provider.get_tracer("scope").start_span(name).end()

if __name__ == "__main__":
    import multiprocessing
    work("parent")
    context = multiprocessing.get_context({method!r})
    processes = [context.Process(target=work, args=(f"child {{number}}",)) for number in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
"""
    path = tmp_path / "program.py"
    path.write_text(program)
    log = run(
        f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, {str(path)!r}]).returncode)",
        {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint},
    )
    assert span_names(receiver.spans) == {"parent": 1, "child 0": 1, "child 1": 1}, log


def test_a_forked_child_may_use_a_pool(receiver: OtlpReceiver) -> None:
    program = """
if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        json.dumps(pool.map(len, ["a", "bc"]))
        pool.close()
        pool.join()
    record("parent")
"""
    run_forking(program, receiver)
    assert json.loads(json.dumps(span_names(receiver.spans))) == {"parent": 1}
