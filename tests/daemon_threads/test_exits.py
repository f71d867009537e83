"""A process ends by itself while daemon threads are inside our code, whatever they do there.

``DAEMON_EXITS`` says how often each shape is run; ``make daemon-threads`` runs many on every interpreter.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daemon_threads.programs import SHAPES

TESTS = Path(__file__).parent.parent
RUNS = int(os.environ.get("DAEMON_EXITS", "2"))
AT_ONCE = 2


@pytest.mark.timeout(60 + 5 * RUNS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_process_ends_as_without_instrumentation(shape: str) -> None:
    command = [sys.executable, "-m", "daemon_threads.programs", shape]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}

    def end(_: int) -> tuple[int, str]:
        process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        return process.returncode, process.stderr[-2000:]

    with ThreadPoolExecutor(AT_ONCE) as executor:
        ends = list(executor.map(end, range(RUNS)))
    assert [(status, errors) for status, errors in ends if status != 0] == []
