"""Virtual environments with chosen packages, built once and kept in ``.cache/environments``.

The environment that runs pytest holds the stock packages and ours side by side. What a user has is one or the other, so
tests of whole processes run those in environments of their own.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PINS = ROOT / "tests" / "requirements" / "constraints.txt"
OLDEST_PINS = ROOT / "tests" / "requirements" / "oldest.txt"

APPLICATION = ("flask", "gunicorn")
API = ("opentelemetry-api", "opentelemetry-instrumentation")
STOCK_SDK = ("opentelemetry-distro", "opentelemetry-exporter-otlp-proto-http")
STOCK_FLASK = ("opentelemetry-instrumentation-flask",)
NATIVE = ("otel-rs-distro", "otel-rs-instr-flask")
PLUGIN = ("otel-rs-instr-flask",)

_LIST_PACKAGES = """
import json
from importlib.metadata import distributions
# The first that is found is the one that is imported.
print(json.dumps({found.name: found.version for found in reversed(list(distributions()))}))
"""


def dist() -> Path:
    """The folder with our wheels (``make wheels``), or ``OTEL_RS_DIST``."""
    return Path(os.environ.get("OTEL_RS_DIST", ROOT / "dist"))


@dataclass(frozen=True)
class Environment:
    """A virtual environment, or one with further folders of packages before its own (``layers``)."""

    path: Path
    layers: tuple[Path, ...] = ()

    @property
    def python(self) -> str:
        """The interpreter."""
        return self.command("python")

    def command(self, name: str) -> str:
        """The path of a command that a package installed."""
        return str(self.path / "bin" / name)

    def variables(self, **variables: str) -> dict[str, str]:
        """The variables of a process in this environment.

        Of those of pytest's own process only what a process needs to run: no ``OTEL_*``, no ``PYTHON*``.
        """
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        kept["PATH"] = os.pathsep.join((str(self.path / "bin"), os.environ.get("PATH", "")))
        if self.layers:
            kept["PYTHONPATH"] = os.pathsep.join(map(str, self.layers))
        return kept | variables

    def with_layers(self, *layers: Path) -> Environment:
        """The same environment with ``layers`` searched first."""
        return Environment(self.path, layers + self.layers)

    def run(
        self, *arguments: str, variables: Mapping[str, str] | None = None, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Runs the environment's Python to its end and returns what it wrote."""
        return subprocess.run(
            [self.python, *arguments],
            env=self.variables(**(variables or {})),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def packages(self) -> dict[str, str]:
        """Installed distributions and their versions."""
        listing = self.run("-c", _LIST_PACKAGES)
        assert listing.returncode == 0, listing.stderr
        packages: dict[str, str] = json.loads(listing.stdout)
        return packages


def environment(*requirements: str, pins: Path = PINS) -> Environment:
    """A virtual environment with ``requirements`` and nothing else; ours come from :func:`dist` only."""
    path = _cache("venv", requirements, pins)
    with made_once(path) as missing:
        if missing:
            # Its packages come from the pip that runs here: a pip of its own costs more than they do.
            subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(path)], check=True)
            _install(requirements, python=str(path / "bin" / "python"), pins=pins)
    return Environment(path)


def layer(*requirements: str) -> Path:
    """A folder with ``requirements`` without their dependencies, to be put before an environment's own packages."""
    path = _cache("layer", requirements)
    with made_once(path) as missing:
        if missing:
            _install(requirements, "--target", str(path), "--no-deps", "--upgrade")
    return path


@contextmanager
def made_once(folder: Path) -> Iterator[bool]:
    """Whether the block has to make ``folder``; processes that want the same wait for the one that makes it."""
    complete = folder / "complete"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = not complete.exists()
        yield missing
        if missing:
            complete.touch()


def _install(requirements: Sequence[str], *options: str, python: str = sys.executable, pins: Path = PINS) -> None:
    if any(name.startswith("otel-rs") for name in requirements):
        assert list(dist().glob("*.whl")), f"no wheels in {dist()}: run make wheels"
    command = [sys.executable, "-m", "pip", "--python", python, "install"]
    command += ["--quiet", "--disable-pip-version-check", "--no-warn-script-location"]
    command += ["--find-links", str(dist()), "--constraint", str(pins), *options, *requirements]
    # What has to be compiled is compiled quickly.
    variables = {**os.environ, "CFLAGS": "-O0 -g0"}
    result = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}{result.stderr}"


def _cache(kind: str, requirements: Sequence[str], pins: Path = PINS) -> Path:
    """A folder whose name changes with the requirements, the pins, our wheels and the interpreter."""
    digest = hashlib.sha256(repr((requirements, sys.version, pins.read_text())).encode())
    if any(name.startswith("otel-rs") for name in requirements):
        for wheel in sorted(dist().glob("*.whl")):
            digest.update(wheel.name.encode() + wheel.read_bytes())
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return ROOT / ".cache" / "environments" / f"{kind}-{version}-{digest.hexdigest()[:16]}"
