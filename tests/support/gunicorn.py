"""A gunicorn of its own for one test."""

from __future__ import annotations

import re
from pathlib import Path

from support.server import END_SECONDS, Server

_WORKERS = "--workers="


class Gunicorn(Server):
    """Serves WSGI from worker processes."""

    program = "gunicorn"
    options = (
        # The control socket is one file per user: servers that run at the same time would share it.
        *("--bind", "127.0.0.1:0", "--no-control-socket"),
        # The launcher takes `--config` for one of its own.
        *("-c", str(Path(__file__).with_name("gunicorn_config.py"))),
    )
    listening = re.compile(r"Listening at: http://127\.0\.0\.1:(\d+)")
    terminated = 0

    def wait_for_workers(self) -> None:
        """Waits until all workers are ready."""
        self.wait_for_log("Worker ready", self._workers)

    def terminate(self, timeout: float = END_SECONDS) -> float:
        """As for any server, once all workers are ready.

        A worker has its master's handlers for its first moments, and a SIGTERM that it gets then is lost: the master
        waits for it in vain until its grace period is over.
        """
        self.wait_for_workers()
        return super().terminate(timeout)

    @property
    def _workers(self) -> int:
        counts = (option.removeprefix(_WORKERS) for option in self.command if option.startswith(_WORKERS))
        return int(next(counts, "1"))
