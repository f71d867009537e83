"""A uWSGI of its own for one test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from support.environments import Environment
from support.server import Server


class Uwsgi(Server):
    """Serves WSGI from a master's worker processes. SIGTERM ends it, as a container's end does."""

    program = "uwsgi"
    options = ("--http-socket", "127.0.0.1:0", "--master", "--die-on-term", "--need-app")
    listening = re.compile(r"bound to TCP address 127\.0\.0\.1:(\d+)")
    terminated = 0

    def __init__(
        self,
        environment: Environment,
        application: str,
        folder: Path,
        *options: str,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        home = ("--virtualenv", str(environment.path))
        super().__init__(environment, application, folder, *home, *options, "--module", variables=variables)
