"""Every test of the stock packages passes on ours."""

import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from support.environments import ROOT, Environment, environment, made_once

from .suites import SUITES, Suite

BASE = ("flask", "opentelemetry-test-utils", "opentelemetry-util-http", "pytest")
ATTEMPTS = 8
SOURCES = ROOT / ".cache" / "conformance"


def source(suite: Suite) -> Path:
    """The unpacked source distribution of the suite's package, downloaded once."""
    name = f"{suite.package.replace('-', '_')}-{suite.version}"
    with made_once(SOURCES / name) as missing:
        if missing:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            # pip asks the build backend for the name and the version; that one is installed here.
            command += ["--no-build-isolation", "--no-binary", suite.package]
            command += ["--dest", str(SOURCES), f"{suite.package}=={suite.version}"]
            subprocess.run(command, check=True, timeout=300)
            with tarfile.open(SOURCES / f"{name}.tar.gz") as archive:
                archive.extractall(SOURCES)
    return SOURCES / name


def run(suite: Suite, where: Environment, *arguments: str, **variables: str) -> int:
    """Runs a suite in a process of its own; returns how many of its tests passed. None may fail."""
    passed, tests = 0, ["tests"]
    for _ in range(ATTEMPTS):
        output = _run(suite, where, *arguments, *tests, **variables)
        count = re.search(r"(\d+) passed", output.splitlines()[-1])
        passed += int(count[1]) if count else 0
        tests = re.findall(r"^FAILED (\S+)", output, re.MULTILINE)
        if not tests:
            return passed
        assert {test.rpartition("::")[2] for test in tests} <= set(suite.timed), output
    raise AssertionError(f"{tests} failed {ATTEMPTS} times:\n{output}")


def _run(suite: Suite, where: Environment, *arguments: str, **variables: str) -> str:
    # The source is inside of our tree, whose settings are not the suite's.
    isolated = ("-c", os.devnull, "-p", "no:cacheprovider")
    result = subprocess.run(
        [where.python, "-m", "pytest", "-q", *isolated, *arguments],
        cwd=source(suite),
        env=where.variables(**variables),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED), result.stdout + result.stderr
    return result.stdout


@pytest.mark.timeout(600)
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.package)
def test_suite_passes_on_ours(suite: Suite, tell: Callable[[str], None]) -> None:
    assert len(suite.not_applicable) <= 5
    ours = environment(*BASE, *sorted(suite.ours for suite in SUITES))
    deselected = [f"--deselect={test}" for test in suite.not_applicable]

    passed = run(suite, ours, "-p", "swap", *deselected, PYTHONPATH=str(Path(__file__).parent))

    tell(f"{suite.package} {suite.version} on ours: {passed} passed")
    assert passed == suite.tests - len(suite.not_applicable)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.package)
def test_suite_passes_on_stock(suite: Suite) -> None:
    """The count that ours is held to is that of the stock package."""
    stock = environment(*BASE, *sorted(suite.package for suite in SUITES))

    assert run(suite, stock) == suite.tests
