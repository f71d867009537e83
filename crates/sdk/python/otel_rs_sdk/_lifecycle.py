"""The life of the process: fork, and what is exported at its end.

Nothing here starts a thread or opens a socket.
"""

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from logging import getLogger

from otel_rs_sdk import _native

_logger = getLogger("otel_rs_sdk")

EXIT_TIMEOUT_MILLIS = 10_000
"""How long the exit of a process may take for all providers together, however the collector behaves."""

SIGTERM_TIMEOUT_MILLIS = 5_000
"""The same after SIGTERM: half of the time that Docker gives before it kills."""

_shutdowns: list[Callable[[int], object]] = []


def at_exit(shutdown: Callable[[int], object]) -> None:
    """Has ``shutdown`` called with a timeout in milliseconds when the process ends."""
    _shutdowns.append(shutdown)
    _multiprocessing_child.register()


def not_at_exit(shutdown: Callable[[int], object]) -> None:
    """Takes that back."""
    if shutdown in _shutdowns:
        _shutdowns.remove(shutdown)


def _exit() -> None:
    _shut_down(EXIT_TIMEOUT_MILLIS)


def _shut_down(timeout_millis: int) -> None:
    deadline = time.monotonic() + timeout_millis / 1000
    while _shutdowns:
        # Those that are left share the time, so that one that hangs leaves some to the others.
        share = max(0.0, deadline - time.monotonic()) / len(_shutdowns)
        shutdown = _shutdowns.pop()
        try:
            shutdown(int(share * 1000))
        except Exception:
            _logger.exception("otel-rs: Shutting down telemetry failed")


def export_on_sigterm() -> None:
    """Has SIGTERM end the process after the export, where it would end it at once.

    Servers hand the signal on when they have finished (uvicorn raises it again), and its default action leaves no
    time for anything. A process that has a handler of its own keeps it. The first process of a container has no default
    action: without a handler the signal does nothing to it, and that stays so.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and os.getpid() != 1 and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: object) -> None:
    # A second signal ends the process at once.
    signal.signal(number, signal.SIG_DFL)
    # In a thread: the one that was interrupted may hold a lock that a span processor written in Python waits for.
    export = threading.Thread(target=_shut_down, args=(SIGTERM_TIMEOUT_MILLIS,), name="otel-rs-exit", daemon=True)
    try:
        export.start()
        export.join(SIGTERM_TIMEOUT_MILLIS / 1000)
    except RuntimeError:
        _logger.warning("otel-rs: No thread could be started, so that what is queued is not exported")
    os.kill(os.getpid(), number)


class _MultiprocessingChild:
    """Children of ``multiprocessing`` may leave through ``os._exit``, after the finalizers of its own registry.

    A child begins by emptying that registry and then runs the after-fork functions: these are the place to register a
    finalizer in. Functions and finalizers are inherited, so the registration is done once per family of processes.
    """

    registered = False

    def register(self) -> None:
        """Makes the children of this process, and it itself if it is one, export at their end."""
        util = sys.modules.get("multiprocessing.util")
        if util is None or self.registered:
            return
        self.registered = True
        util.register_after_fork(self, _MultiprocessingChild.finalize_at_end)
        process = sys.modules.get("multiprocessing.process")
        if process is not None and process.parent_process() is not None:
            self.finalize_at_end()

    def finalize_at_end(self) -> None:
        """Registers the export as one of the last finalizers of this process."""
        from multiprocessing.util import Finalize

        Finalize(None, _exit, exitpriority=-100)


_multiprocessing_child = _MultiprocessingChild()


def _after_fork_in_child() -> None:
    _native.after_fork_in_child()
    # It may have been imported since the last provider was made: a child of it has it imported, so ask again.
    _multiprocessing_child.register()


atexit.register(_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
