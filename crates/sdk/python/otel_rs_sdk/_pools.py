"""Packages whose child processes leave through ``os._exit``, after the finalizers of their own."""

import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

Export = Callable[[], object]


class ChildProcesses:
    """The children of ``multiprocessing``, and of ``billiard``, which shares its finalizers.

    A child begins by emptying the registry of finalizers and then runs the after-fork functions: these are the place to
    register a finalizer in. Functions and finalizers are inherited, so the registration is done once per family of
    processes. Neither package is imported for it.
    """

    _done = False
    _export: Export | None = None

    def export_in_children(self, export: Export) -> None:
        """Makes the children of this process, and it itself if it is one, call ``export`` at their end."""
        if "billiard.popen_fork" in sys.modules:
            # A child of billiard imports it, but after the fork, which is too late for the next line.
            import_module("multiprocessing.util")
        util = sys.modules.get("multiprocessing.util")
        # A module that is still being imported, which another thread may see, has no such function yet.
        register_after_fork = getattr(util, "register_after_fork", None)
        if util is None or register_after_fork is None or self._done:
            return
        self._done = True
        self._export = export
        register_after_fork(self, ChildProcesses._finalize_at_end)
        if _is_child("multiprocessing") or _is_child("billiard"):
            self._finalize_at_end()

    def _finalize_at_end(self) -> None:
        """Registers the export as one of the last finalizers of this process."""
        util = sys.modules.get("multiprocessing.util")
        if util is not None and self._export is not None:
            util.Finalize(None, self._export, exitpriority=-100)


def _is_child(package: str) -> bool:
    current_process = getattr(sys.modules.get(f"{package}.process"), "current_process", None)
    return current_process is not None and getattr(current_process(), "_parent_pid", None) is not None


class BilliardWorkers:
    """The workers of a pool of billiard, which leave past the finalizers."""

    _worker: Any = None

    def export_in_children(self, export: Export) -> None:
        """Has the workers call ``export`` after what they do at their end themselves."""
        worker: Any = getattr(sys.modules.get("billiard.pool"), "Worker", None)
        leave = getattr(worker, "_do_exit", None)
        if leave is None or worker is self._worker:
            return
        self._worker = worker

        @wraps(leave)
        def export_and_leave(self: Any, pid: int, exitcode: int, *arguments: Any, **options: Any) -> Any:
            on_exit = self.on_exit

            def export_last(*arguments: Any) -> None:
                try:
                    if on_exit is not None:
                        on_exit(*arguments)
                finally:
                    export()

            self.on_exit = export_last
            return leave(self, pid, exitcode, *arguments, **options)

        worker._do_exit = export_and_leave


POOLS: tuple[ChildProcesses | BilliardWorkers, ...] = (
    ChildProcesses(),
    BilliardWorkers(),
)
"""Where children leave so. billiard is what Celery's prefork pool is made of."""
