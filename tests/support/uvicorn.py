"""A uvicorn of its own for one test."""

from __future__ import annotations

import re
import signal

from support.server import Server


class Uvicorn(Server):
    """Serves ASGI in one process. When it has finished it sends itself the signal that ended it."""

    program = "uvicorn"
    options = ("--host", "127.0.0.1", "--port", "0")
    listening = re.compile(r"Uvicorn running on http://127\.0\.0\.1:(\d+)")
    terminated = -signal.SIGTERM
