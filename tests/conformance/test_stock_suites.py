"""Every test of the stock packages passes on ours."""

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from support.environments import ROOT, Environment, environment

from .suites import SUITES, Suite

BASE = ("flask", "opentelemetry-test-utils", "opentelemetry-util-http", "pytest")
SOURCES = ROOT / ".cache" / "conformance"


def source(suite: Suite) -> Path:
    """The unpacked source distribution of the suite's package, downloaded once."""
    name = f"{suite.package.replace('-', '_')}-{suite.version}"
    if not (SOURCES / name / "tests").is_dir():
        SOURCES.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--no-binary", ":all:", "--dest", str(SOURCES), f"{suite.package}=={suite.version}"]
        subprocess.run(command, check=True, timeout=300)
        with tarfile.open(SOURCES / f"{name}.tar.gz") as archive:
            archive.extractall(SOURCES)
    return SOURCES / name


def run(suite: Suite, where: Environment, *arguments: str, **variables: str) -> str:
    """Runs a suite in a process of its own; returns what it printed. All of its tests must have passed."""
    # The source is inside of our tree, whose settings are not the suite's.
    isolated = ("-c", os.devnull, "-p", "no:cacheprovider")
    result = subprocess.run(
        [where.python, "-m", "pytest", "-q", *isolated, *arguments, "tests"],
        cwd=source(suite),
        env=where.variables(**variables),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def passed(output: str) -> int:
    """The number of passed tests in the closing line of pytest."""
    count = re.search(r"(\d+) passed", output.splitlines()[-1])
    return int(count[1]) if count else 0


@pytest.mark.timeout(600)
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.package)
def test_suite_passes_on_ours(suite: Suite) -> None:
    assert len(suite.not_applicable) <= 5
    ours = environment(*BASE, *sorted(suite.ours for suite in SUITES))
    deselected = [f"--deselect={test}" for test in suite.not_applicable]

    output = run(suite, ours, "-p", "swap", *deselected, PYTHONPATH=str(Path(__file__).parent))

    print(f"{suite.package} {suite.version} on ours: {output.splitlines()[-1]}")
    assert passed(output) == suite.tests - len(suite.not_applicable)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.package)
def test_suite_passes_on_stock(suite: Suite) -> None:
    """The count that ours is held to is that of the stock package."""
    stock = environment(*BASE, *sorted(suite.package for suite in SUITES))

    assert passed(run(suite, stock)) == suite.tests
