"""What the distro adds to the start of every process."""

import subprocess
import sys

import pytest

# Modules that cost milliseconds and that nothing here needs.
DEAR = ("importlib.metadata", "argparse", "subprocess", "email", "json", "asyncio", "ssl")


@pytest.mark.parametrize("module", ["configurator", "exporters", "unsupported", "version", "interpreter_start"])
def test_imports_are_few(module: str) -> None:
    code = f"import sys, otel_rs_distro.{module}; print([name for name in {DEAR} if name in sys.modules])"
    # Without site-packages' .pth files, which import what they like.
    result = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "[]"
