"""The life of the process: fork, and what is exported at its end.

Nothing here starts a thread or opens a socket.
"""

import atexit
import os
import time
from logging import getLogger

from otel_rs_sdk import _native
from otel_rs_sdk._pools import POOLS
from otel_rs_sdk._servers import export_at_end_of_servers

_logger = getLogger("otel_rs_sdk")

EXIT_TIMEOUT_MILLIS = 10_000
"""How long the exit of a process may take for all providers together, however the collector behaves."""

SIGTERM_TIMEOUT_MILLIS = 5_000
"""The same after SIGTERM: half of the time that Docker gives before it kills."""

_Provider = _native.NativeTracerProvider | _native.NativeMeterProvider

_providers: list[_Provider] = []


def at_exit(provider: _Provider) -> None:
    """Has the provider shut down when the process ends."""
    _providers.append(provider)
    _follow_pools()


def not_at_exit(provider: _Provider) -> None:
    """Takes that back."""
    if provider in _providers:
        _providers.remove(provider)


def export_on_sigterm() -> None:
    """Has SIGTERM end the process after the export, where it would end it at once.

    From the first record of each process on, and only where the signal has its default action: beneath Python, so that
    ``signal.getsignal`` says what it says without, and whatever the main thread is doing. A second signal ends the
    process at once. The first process of a container, for which the signal has no default action, exports and goes on.
    Servers that raise the signal again when they have finished (uvicorn) export before they do.
    """
    _native.export_on_sigterm(SIGTERM_TIMEOUT_MILLIS)
    export_at_end_of_servers(SIGTERM_TIMEOUT_MILLIS)


def _exit() -> None:
    try:
        _shut_down(EXIT_TIMEOUT_MILLIS)
    except KeyboardInterrupt:
        # The process is ending; it need not wait any longer.
        pass
    finally:
        _native.log_diagnostics()
        _native.close_log()


def _shut_down(timeout_millis: int) -> None:
    deadline = time.monotonic() + timeout_millis / 1000

    def left() -> float:
        return max(0.0, (deadline - time.monotonic()) * 1000)

    # All side by side; a processor written in Python takes its time, so those that have none begin first.
    providers = sorted(_providers, key=_has_python_processors)
    _providers.clear()
    pending = []
    for provider in providers:
        try:
            pending.append(provider.begin_shutdown(left()))
        except Exception:
            _logger.exception("otel-rs: Shutting down telemetry failed")
    # What another thread or a greenlet is shutting down, and what a processor in Python has wrapped and left as it is.
    pending.append(_native.begin_last_exports(left()))
    _native.wait_for_shutdowns(pending, left())


def _has_python_processors(provider: _Provider) -> bool:
    return isinstance(provider, _native.NativeTracerProvider) and provider.has_python_processors


def _follow_pools() -> None:
    for pool in POOLS:
        pool.export_in_children(_exit)


def _after_fork_in_child() -> None:
    _native.after_fork_in_child()
    # A package may have been imported since the last provider was made: a child of it has it imported, so ask again.
    if _providers:
        _follow_pools()


atexit.register(_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
