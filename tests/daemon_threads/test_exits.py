"""A process ends by itself while daemon threads are inside our code, whatever they do there.

``DAEMON_EXITS`` says how often each shape is run; ``make daemon-threads`` runs many on every interpreter.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon_threads.programs import SHAPES

TESTS = Path(__file__).parent.parent
RUNS = int(os.environ.get("DAEMON_EXITS", "2"))


@pytest.mark.timeout(60 + 5 * RUNS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_process_ends_as_without_instrumentation(shape: str) -> None:
    command = [sys.executable, "-m", "daemon_threads.programs", shape]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    for _ in range(RUNS):
        process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert process.returncode == 0, process.stderr[-2000:]
