"""The console script that names the plugins which fit."""

import subprocess
from collections.abc import Sequence

import pytest

from otel_rs_distro import bootstrap


def test_requirements(capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main([]) == 0
    assert capsys.readouterr().out.split() == ["otel-rs-instr-flask"]


def test_a_library_that_is_absent_needs_no_plugin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "PLUGINS", {"no-such-library": "otel-rs-instr-none"})
    assert bootstrap.main(["-a", "requirements"]) == 0
    assert capsys.readouterr().out == ""


def test_install(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[Sequence[str]] = []

    def call(command: Sequence[str]) -> int:
        commands.append(command)
        return 3

    monkeypatch.setattr(bootstrap, "PLUGINS", {"flask": "no-such-plugin", "pytest": "pytest"})
    monkeypatch.setattr(subprocess, "call", call)
    assert bootstrap.main(["-a", "install", "--find-links", "dist"]) == 3
    [command] = commands
    # pytest stands for a plugin that is there already.
    assert command[1:] == ["-m", "pip", "install", "--find-links", "dist", "no-such-plugin"]


def test_unknown_arguments_are_an_error() -> None:
    with pytest.raises(SystemExit):
        bootstrap.main(["--nonsense"])
