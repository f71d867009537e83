"""Virtual environments with chosen packages, built once and kept in ``.cache/environments``.

The environment that runs pytest holds the stock packages and ours side by side. What a user has is one or the other, so
tests of whole processes run those in environments of their own.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
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
        """Installed distributions and their versions, as ``pip list`` has them."""
        listing = self.run("-m", "pip", "list", "--format=freeze", "--disable-pip-version-check")
        assert listing.returncode == 0, listing.stderr
        return dict(line.split("==", 1) for line in listing.stdout.split() if "==" in line)


def environment(*requirements: str, pins: Path = PINS) -> Environment:
    """A virtual environment with ``requirements`` and nothing else; ours come from :func:`dist` only."""
    path = _cache("venv", requirements, pins)
    if not (path / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(path)], check=True)
        _install(str(path / "bin" / "python"), requirements, pins=pins)
        (path / "complete").touch()
    return Environment(path)


def layer(*requirements: str) -> Path:
    """A folder with ``requirements`` without their dependencies, to be put before an environment's own packages."""
    path = _cache("layer", requirements)
    if not (path / "complete").exists():
        _install(sys.executable, requirements, "--target", str(path), "--no-deps", "--upgrade")
        (path / "complete").touch()
    return path


def _install(python: str, requirements: Sequence[str], *options: str, pins: Path = PINS) -> None:
    if any(name.startswith("otel-rs") for name in requirements):
        assert list(dist().glob("*.whl")), f"no wheels in {dist()}: run make wheels"
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-warn-script-location"]
    command += ["--find-links", str(dist()), "--constraint", str(pins), *options, *requirements]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}{result.stderr}"


def _cache(kind: str, requirements: Sequence[str], pins: Path = PINS) -> Path:
    """A folder whose name changes with the requirements, the pins, our wheels and the interpreter."""
    digest = hashlib.sha256(repr((requirements, sys.version, pins.read_text())).encode())
    if any(name.startswith("otel-rs") for name in requirements):
        for wheel in sorted(dist().glob("*.whl")):
            digest.update(wheel.name.encode() + wheel.read_bytes())
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return ROOT / ".cache" / "environments" / f"{kind}-{version}-{digest.hexdigest()[:16]}"
