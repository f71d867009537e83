"""Plugins as they come out: they build, pass their tests, and pass the checkers."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from new_plugin.checkout import Checkout

pytestmark = pytest.mark.timeout(600)

GENERATED_TESTS = 21


@dataclass(frozen=True)
class Plugin:
    """What is asked of ``make new-plugin``, and what is expected of its tests."""

    name: str
    arguments: tuple[str, ...] = ()
    outcome: str = "passed"

    @property
    def dashed(self) -> str:
        """As in crates and distributions."""
        return self.name.replace("_", "-")

    @property
    def underscored(self) -> str:
        """As in Python."""
        return self.name.replace("-", "_")


PLUGINS = [
    Plugin("newcomer"),
    Plugin("of-function", ("TARGET=colorsys:rgb_to_hls",)),
    Plugin("of_classmethod", ("TARGET=werkzeug.wrappers.request:Request.from_values", "REQUIRES=werkzeug >= 2, < 4")),
    Plugin("of_absent", ("TARGET=no_such_library.core:Client.send",), outcome="skipped"),
]
# Nothing else is asked of it than that its lines fit.
LONGEST = Plugin("n" * 30, (f"TARGET={'package.' * 5}{'module' * 5}:{'Class' * 4}.method99",))


@pytest.fixture(scope="module")
def made(checkout: Checkout) -> Checkout:
    """The checkout with the plugins."""
    locked = checkout.lock()
    for plugin in (*PLUGINS, LONGEST):
        before = checkout.files()
        result = checkout.make("new-plugin", f"NAME={plugin.name}", *plugin.arguments)
        assert result.returncode == 0, result.stderr
        new = {path for path in checkout.files() - before if not path.is_dir()}
        assert {str(path.relative_to(checkout.folder)) for path in new} <= set(result.stdout.splitlines())
        assert (checkout.folder / "crates" / f"instr-{plugin.dashed}" / "LICENSE").samefile(checkout.folder / "LICENSE")
    packages = {line for line in checkout.lock() if line.startswith(("name", "version", "checksum"))} - set(locked)
    assert packages == {f'name = "otel-rs-instr-{plugin.dashed}"' for plugin in (*PLUGINS, LONGEST)}
    return checkout


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_it_passes_its_tests(plugin: Plugin, made: Checkout) -> None:
    result = made.make("test-plugin", f"NAME={plugin.name}")
    assert result.returncode == 0, result.stdout + result.stderr
    [summary] = re.findall(r"^=+ (.*) in [\d.]+s =+$", result.stdout, re.MULTILINE)
    assert summary == f"{GENERATED_TESTS} {plugin.outcome}"


def test_the_requirement_is_that_of_the_library(made: Checkout) -> None:
    expected = {"newcomer": "", "of-classmethod": '"werkzeug >= 2, < 4"', "of-absent": '"no_such_library"'}
    for name, requirement in expected.items():
        crate = made.folder / "crates" / f"instr-{name}"
        assert f"\ninstruments = [{requirement}]\n" in (crate / "pyproject.toml").read_text()
        assert f"instruments: &[{requirement}]," in (crate / "src" / "lib.rs").read_text()


def test_otel_rs_bootstrap_knows_it(made: Checkout) -> None:
    # That builds the distro too.
    result = made.make("test-plugin", "NAME=newcomer", "PYTEST_ARGUMENTS=--collect-only -q")
    assert result.returncode == 0, result.stdout + result.stderr
    result = made.python("-c", "from otel_rs_distro.bootstrap import main; main([])")
    fitting = set(result.stdout.split())
    assert {"otel-rs-instr-newcomer", "otel-rs-instr-of-classmethod"} <= fitting
    assert "otel-rs-instr-of-absent" not in fitting


def test_it_passes_the_checkers(made: Checkout) -> None:
    crates = [made.folder / "crates" / f"instr-{plugin.dashed}" for plugin in (*PLUGINS, LONGEST)]
    python = [str(crate / "python") for crate in crates]
    suites = [str(made.folder / "tests" / f"{plugin.underscored}_plugin") for plugin in (*PLUGINS, LONGEST)]
    commands = [
        ("-m", "ruff", "check", *python, *suites),
        ("-m", "ruff", "format", "--check", *python, *suites),
        ("-m", "mypy", *python, *suites),
    ]
    for command in commands:
        result = made.python(*command, MYPYPATH=":".join(["tests", *python]))
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    for command in (
        ("cargo", "fmt", "--all", "--check"),
        ("cargo", "clippy", "--package", "otel-rs-instr-newcomer", "--all-targets", "--locked", "--", "-D", "warnings"),
    ):
        result = made.run(*command)
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
