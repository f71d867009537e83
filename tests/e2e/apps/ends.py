"""Records a span in each of many processes, which end in as many ways; says with what status."""

import json
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.pool import Pool

from opentelemetry import trace


def record(name: str) -> None:
    trace.get_tracer("application").start_span(name).end()


def signalled(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(20)


def raising() -> None:
    raise ValueError("the end")


def execute() -> None:
    os.execv(sys.executable, [sys.executable, "-c", "pass"])


def handled() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    signalled(signal.SIGTERM)


ENDS: dict[str, Callable[[], object]] = {
    "return": lambda: None,
    "sys.exit": lambda: sys.exit(3),
    "exception": raising,
    "SIGINT": lambda: signalled(signal.SIGINT),
    "SIGTERM": lambda: signalled(signal.SIGTERM),
    "SIGTERM, handled": handled,
    "SIGKILL": lambda: signalled(signal.SIGKILL),
    "os._exit": lambda: os._exit(3),
    "os.abort": os.abort,
    "os.exec": execute,
}


def work(name: str) -> None:
    record(name)
    if name.endswith("raises"):
        raising()


def pool(method: str, end: Callable[[Pool], object]) -> None:
    with multiprocessing.get_context(method).Pool(1) as workers:
        workers.apply(work, (f"pool {end.__name__}",))
        end(workers)
        workers.join()


def children() -> dict[str, int | None]:
    processes = {}
    for method in ("fork", "spawn", "forkserver"):
        for name in (method, f"{method} raises"):
            child = multiprocessing.get_context(method).Process(target=work, args=(name,))  # type: ignore[attr-defined]
            child.start()
            processes[name] = child
    for child in processes.values():
        child.join()
    pool("fork", Pool.close)
    pool("fork", Pool.terminate)
    return {name: child.exitcode for name, child in processes.items()}


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A shell that starts a program in the background has it ignore the signal.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    forked = {}
    for name, end in ENDS.items():
        forked[name] = os.fork()
        if forked[name] == 0:
            record(name)
            end()
            return
    statuses = {name: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for name, pid in forked.items()}
    print(json.dumps(statuses | children()))


if __name__ == "__main__":
    main()
