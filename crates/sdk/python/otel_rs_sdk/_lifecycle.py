"""The life of the process: fork, and what is exported at its end.

Nothing here starts a thread or opens a socket.
"""

import atexit
import os
import sys
import time
from collections.abc import Callable
from logging import getLogger

from otel_rs_sdk import _native

_logger = getLogger("otel_rs_sdk")

EXIT_TIMEOUT_MILLIS = 10_000
"""How long the exit of a process may take for all providers together, however the collector behaves."""

_shutdowns: list[Callable[[int], object]] = []


def at_exit(shutdown: Callable[[int], object]) -> None:
    """Has ``shutdown`` called with a timeout in milliseconds when the process ends."""
    _shutdowns.append(shutdown)
    _watch_multiprocessing_child()


def not_at_exit(shutdown: Callable[[int], object]) -> None:
    """Takes that back."""
    if shutdown in _shutdowns:
        _shutdowns.remove(shutdown)


def _exit() -> None:
    deadline = time.monotonic() + EXIT_TIMEOUT_MILLIS / 1000
    while _shutdowns:
        # Those that are left share the time, so that one that hangs leaves some to the others.
        share = max(0.0, deadline - time.monotonic()) / len(_shutdowns)
        shutdown = _shutdowns.pop()
        try:
            shutdown(int(share * 1000))
        except Exception:
            _logger.exception("Shutting down telemetry failed")


class _MultiprocessingChild:
    """Children that ``multiprocessing`` forks leave through ``os._exit``, after the finalizers of its own registry.

    That registry is emptied at the start of a child, and then the after-fork functions are run: they are the place to
    register a finalizer in.
    """

    watched = False

    def register_finalizer(self) -> None:
        """Registers the export as one of the last finalizers of this process."""
        from multiprocessing.util import Finalize

        Finalize(None, _exit, exitpriority=-100)


_child = _MultiprocessingChild()


def _watch_multiprocessing_child() -> None:
    """In a child of ``multiprocessing``, before or after its bootstrap; elsewhere it does nothing."""
    util = sys.modules.get("multiprocessing.util")
    process = sys.modules.get("multiprocessing.process")
    if util is None or process is None or _child.watched or process.parent_process() is None:
        return
    _child.watched = True
    _child.register_finalizer()


def _after_fork_in_child() -> None:
    _native.after_fork_in_child()
    util = sys.modules.get("multiprocessing.util")
    if util is not None and not _child.watched:
        _child.watched = True
        util.register_after_fork(_child, _MultiprocessingChild.register_finalizer)


atexit.register(_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
