"""A gunicorn of its own for one test."""

from __future__ import annotations

import re

from support.server import Server


class Gunicorn(Server):
    """Serves WSGI from worker processes."""

    program = "gunicorn"
    # The control socket is one file per user: servers that run at the same time would share it.
    options = ("--bind", "127.0.0.1:0", "--no-control-socket")
    listening = re.compile(r"Listening at: http://127\.0\.0\.1:(\d+)")
    terminated = 0
