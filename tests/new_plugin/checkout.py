"""A copy of this checkout, in which plugins are made and tested."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from support.environments import ROOT

# What is built, and what says which version control knows.
_NOT_COPIED = ("target", "dist", ".venv*", ".*cache", ".git", "__pycache__", "*.so")
# What make hands down to a make that it runs, and what a user's environment may hold.
_NOT_HANDED_DOWN = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PROFILE", "PYTEST_ARGUMENTS", "NAME", "TARGET", "REQUIRES")


class Checkout:
    """The copy.

    It is always at the same place and builds into the folder of this checkout, so that cargo finds again what it built
    last time. Its environment is that of the tests with one more folder for what is installed there.
    """

    def __init__(self) -> None:
        self.folder = ROOT / ".cache" / "new_plugin"
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(ROOT, self.folder, symlinks=True, ignore=shutil.ignore_patterns(*_NOT_COPIED))
        self._environment = self.folder / ".venv-test"
        self._make_environment()
        self._variables = {name: value for name, value in os.environ.items() if name not in _NOT_HANDED_DOWN}
        self._variables.setdefault("CARGO_TARGET_DIR", str(ROOT / "target"))

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a command in the copy."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self._variables | variables,
            capture_output=True,
            text=True,
            timeout=540,
            check=False,
        )

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs make in the copy."""
        settings = [f"PYTHON={sys.executable}", f"TEST_ENVIRONMENT={self._environment}"]
        if (ROOT / ".venv-build" / ".ready").exists():
            settings.append(f"BUILD_ENVIRONMENT={ROOT / '.venv-build'}")
        # The SDK is installed here already, and takes the longest to build.
        settings.append("PLUGIN_SURROUNDINGS=python/otel-rs-distro")
        return self.run("make", *settings, *arguments)

    def python(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs the Python that the plugins are installed for."""
        return self.run(str(self._environment / "bin" / "python"), *arguments, **variables)

    def files(self) -> set[Path]:
        """What is in the folders in which plugins are made."""
        return {path for folder in ("crates", "tests") for path in (self.folder / folder).rglob("*")}

    def lock(self) -> list[str]:
        """The lines of ``Cargo.lock``."""
        return (self.folder / "Cargo.lock").read_text().splitlines()

    def _make_environment(self) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(self._environment)], check=True)
        packages = sysconfig.get_path(
            "purelib", vars={"base": str(self._environment), "platbase": str(self._environment)}
        )
        (Path(packages) / "tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
        launcher = "opentelemetry-instrument"
        (self._environment / "bin" / launcher).symlink_to(Path(sys.executable).with_name(launcher))
        (self._environment / ".ready").touch()
