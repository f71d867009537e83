"""What ``make new-plugin`` refuses, in one line and without making anything."""

from __future__ import annotations

import pytest

from new_plugin.checkout import Checkout

REFUSED = {
    "no name": ((), "NAME is missing"),
    "upper case": (("NAME=Demo",), "no lower-case identifier"),
    "starts with a digit": (("NAME=7zip",), "no lower-case identifier"),
    "path": (("NAME=../demo",), "no lower-case identifier"),
    "two dashes": (("NAME=two--words",), "no lower-case identifier"),
    "keyword of Rust": (("NAME=trait",), "keyword of Rust or Python"),
    "keyword of Python": (("NAME=lambda",), "keyword of Rust or Python"),
    "too long": (("NAME=" + "n" * 31,), "longer than 30 characters"),
    "existing plugin": (("NAME=flask",), "there is such a plugin, crates/instr-flask"),
    "existing folder": (("NAME=taken",), "tests/taken_plugin is there already"),
    "target without a colon": (("NAME=free", "TARGET=sched.scheduler.run"), "neither module:Class.method"),
    "target without a function": (("NAME=free", "TARGET=sched:"), "neither module:Class.method"),
    "target with two colons": (("NAME=free", "TARGET=sched:scheduler:run"), "neither module:Class.method"),
    "target with a dot too many": (("NAME=free", "TARGET=sched:scheduler..run"), "neither module:Class.method"),
    "target with code": (("NAME=free", 'TARGET=sched:run", exit())#'), "neither module:Class.method"),
    "requirement with code": (("NAME=free", 'REQUIRES=x", "y'), "no requirement specifier"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, checkout: Checkout) -> None:
    arguments, message = REFUSED[case]
    (checkout.folder / "tests" / "taken_plugin").mkdir(exist_ok=True)
    before = checkout.files(), checkout.lock()
    result = checkout.make("new-plugin", *arguments)
    assert result.returncode != 0
    [line] = [line for line in result.stderr.splitlines() if line.startswith("make new-plugin: ")]
    assert message in line
    assert "Traceback" not in result.stderr
    assert (checkout.files(), checkout.lock()) == before


def test_a_plugin_that_is_not_there_cannot_be_tested(checkout: Checkout) -> None:
    result = checkout.make("test-plugin", "NAME=nowhere")
    assert result.returncode != 0
    assert "there is no crates/instr-nowhere" in result.stderr
