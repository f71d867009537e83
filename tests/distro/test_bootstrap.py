"""The console script that names the plugins which fit."""

import subprocess
from collections.abc import Sequence

import pytest

from otel_rs_distro import bootstrap
from otel_rs_distro.plugins import instrumented_by_plugin
from support.environments import ROOT


def test_requirements(capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main([]) == 0
    plugins = capsys.readouterr().out.split()
    # Flask is installed here, and the WSGI plugin needs nothing to be installed.
    assert {"otel-rs-instr-flask", "otel-rs-instr-wsgi"} <= set(plugins)
    assert plugins == sorted(plugins)


def test_every_plugin_is_known() -> None:
    """The table comes from the plugins when the distro is built."""
    plugins = {f"otel-rs-{crate.name}" for crate in ROOT.glob("crates/instr-*")}
    assert instrumented_by_plugin().keys() == plugins
    assert instrumented_by_plugin()["otel-rs-instr-flask"] == ["flask"]
    assert instrumented_by_plugin()["otel-rs-instr-wsgi"] == []


def test_a_library_that_is_absent_needs_no_plugin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "instrumented_by_plugin", lambda: {"otel-rs-instr-none": ["no-such-library"]})
    assert bootstrap.main(["-a", "requirements"]) == 0
    assert capsys.readouterr().out == ""


def test_install(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[Sequence[str]] = []

    def call(command: Sequence[str]) -> int:
        commands.append(command)
        return 3

    plugins = {"no-such-plugin": ["no-such-library", "flask"], "pytest": ["pytest"], "otel-rs-instr-none": ["none"]}
    monkeypatch.setattr(bootstrap, "instrumented_by_plugin", lambda: plugins)
    monkeypatch.setattr(subprocess, "call", call)
    assert bootstrap.main(["-a", "install", "--find-links", "dist"]) == 3
    [command] = commands
    # pytest stands for a plugin that is there already.
    assert command[1:] == ["-m", "pip", "install", "--find-links", "dist", "no-such-plugin"]


def test_unknown_arguments_are_an_error() -> None:
    with pytest.raises(SystemExit):
        bootstrap.main(["--nonsense"])
