"""A server process of its own for one test."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from support.environments import Environment

if TYPE_CHECKING:
    from typing_extensions import Self

# Generous: tests share the machine.
START_SECONDS = 90.0
END_SECONDS = 60.0


class Server:
    """Runs a server until the block ends; the launcher is used unless ``bare``.

    ``log`` is the standard error of all its processes.
    """

    program: ClassVar[str]
    """The command, which also names the files."""
    options: ClassVar[tuple[str, ...]]
    listening: ClassVar[re.Pattern[str]]
    """Finds the port in the log."""
    terminated: ClassVar[int]
    """The exit status after SIGTERM."""

    def __init__(
        self,
        environment: Environment,
        application: str,
        folder: Path,
        *options: str,
        variables: Mapping[str, str] | None = None,
        bare: bool = False,
    ) -> None:
        self._log_path = folder / f"{self.program}.log"
        self._output_path = folder / f"{self.program}.out"
        launcher: Sequence[str] = [] if bare else [environment.command("opentelemetry-instrument")]
        self.command = [*launcher, environment.command(self.program), *self.options, *options, application]
        self._environment = environment
        self._variables = dict(variables or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def pid(self) -> int:
        """The process that was started; it may have children."""
        assert self._process
        return self._process.pid

    @property
    def log(self) -> str:
        """What was written to standard error so far."""
        return self._log_path.read_text(errors="replace")

    @property
    def output(self) -> str:
        """What was written to standard output so far."""
        return self._output_path.read_text(errors="replace")

    def __enter__(self) -> Self:
        with self._log_path.open("wb") as log, self._output_path.open("wb") as output:
            self._process = subprocess.Popen(
                self.command,
                env=self._environment.variables(**self._variables),
                cwd=Path(__file__).resolve().parents[1] / "e2e" / "apps",
                stdout=output,
                stderr=log,
            )
        try:
            self.wait_for_log(self.listening)
        except AssertionError:
            self.kill()
            raise
        match = self.listening.search(self.log)
        assert match
        self.port = int(match[1])
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def wait_for_log(self, pattern: str | re.Pattern[str], count: int = 1) -> None:
        """Waits until the log has what the pattern finds so many times."""
        assert self._process
        deadline = time.monotonic() + START_SECONDS
        while len(re.findall(pattern, self.log)) < count:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.program} did not log {pattern!r} {count} times:\n{self.log}")
            time.sleep(0.02)

    def terminate(self, timeout: float = END_SECONDS) -> float:
        """Sends SIGTERM, as an orchestrator does, and returns how long the exit took, in seconds."""
        return self._end(signal.SIGTERM, self.terminated, timeout)

    def interrupt(self, timeout: float = END_SECONDS) -> float:
        """Sends SIGINT, as a terminal does, and returns how long the exit took, in seconds."""
        return self._end(signal.SIGINT, 0, timeout)

    def _end(self, number: signal.Signals, expected: int, timeout: float) -> float:
        assert self._process is not None
        started = time.monotonic()
        self._process.send_signal(number)
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.program} still runs {timeout} s after {number.name}:\n{self.log}") from None
        assert status == expected, f"{self.program} exited with {status}:\n{self.log}"
        return time.monotonic() - started

    def kill(self) -> None:
        """Ends the server if it still runs."""
        if self._process is not None and self._process.poll() is None:
            # Servers end their workers on SIGINT; SIGKILL would leave them.
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
