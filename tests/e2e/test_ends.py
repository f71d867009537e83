"""What arrives of a process that ends in one way or another: the rows of ``docs/exits.md``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.environments import Environment
from support.otlp_receiver import OtlpReceiver, span_names
from support.settings import otlp

PROGRAM = Path(__file__).with_name("apps") / "ends.py"

METHODS = ("fork", "spawn", "forkserver")

STATUSES = {
    "return": 0,
    "sys.exit": 3,
    "exception": 1,
    "SIGINT": -signal.SIGINT,
    "SIGTERM": -signal.SIGTERM,
    "SIGTERM, handled": 3,
    "SIGKILL": -signal.SIGKILL,
    "os._exit": 3,
    "os.abort": -signal.SIGABRT,
    "os.exec": 0,
    **dict.fromkeys(METHODS, 0),
    **{f"{method} raises": 1 for method in METHODS},
}

BY_EXIT = {"return", "sys.exit", "exception", "SIGINT", "SIGTERM, handled"}
"""Ends that run the interpreter's exit functions."""

ARRIVES = {
    "rust-native": {*STATUSES, "pool close", "pool terminate"} - {"SIGKILL", "os._exit", "os.abort", "os.exec"},
    "stock": BY_EXIT | {"spawn", "spawn raises"},
    "bare": set[str](),
}


LATE = {"OTEL_BSP_SCHEDULE_DELAY": "600000", "OTEL_METRICS_EXPORTER": "none"}


@pytest.mark.parametrize("setup", ARRIVES)
def test_what_arrives(setup: str, setup_environment: Callable[[str], Environment], receiver: OtlpReceiver) -> None:
    variables = otlp(receiver.endpoint, **LATE)
    if setup == "bare":
        # With the API alone.
        command = [sys.executable, str(PROGRAM)]
        result = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    else:
        place = setup_environment(setup)
        result = place.run(place.command("opentelemetry-instrument"), place.python, str(PROGRAM), variables=variables)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == STATUSES
    assert span_names(receiver.spans) == dict.fromkeys(ARRIVES[setup], 1)
