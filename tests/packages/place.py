"""Environments with packages from PyPI, and programs in them under the launcher."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support.environments import NATIVE, Environment, environment
from support.otlp_receiver import OtlpReceiver
from support.settings import otlp

APPS = Path(__file__).parent / "apps"


def with_packages(*requirements: str) -> Environment:
    """Our SDK, distro and Flask plugin beside ``requirements``; the applications of this suite can be imported."""
    return environment(*NATIVE, *requirements).with_layers(APPS)


def launch(
    place: Environment, program: str, receiver: OtlpReceiver, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs one of the programs to its end; it may not fail, nor show a traceback."""
    launcher = place.command("opentelemetry-instrument")
    command = [launcher, place.python, str(APPS / program), *arguments]
    result = subprocess.run(
        command,
        env=place.variables(**otlp(receiver.endpoint, **variables)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr, result.stderr
    return result
