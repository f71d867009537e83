"""The console script that names the plugins which fit."""

import subprocess
from collections.abc import Sequence
from importlib.metadata import version

import pytest
from opentelemetry.instrumentation import bootstrap_gen

from otel_rs_distro import bootstrap
from otel_rs_distro.plugins import instrumented_by_plugin
from support.environments import ROOT


def test_requirements(capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main([]) == 0
    plugins = capsys.readouterr().out.split()
    # Flask is installed here, and the WSGI plugin needs nothing to be installed.
    assert {"otel-rs-instr-flask", "otel-rs-instr-wsgi"} <= set(plugins)
    ours = [plugin for plugin in plugins if plugin.startswith("otel-rs-")]
    assert plugins == sorted(ours) + sorted(plugin for plugin in plugins if plugin not in ours)


def test_stock_packages_for_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    """Requests is installed here; Flask, WSGI and asyncio are what plugins of ours instrument."""
    assert bootstrap.main([]) == 0
    stock = {line for line in capsys.readouterr().out.split() if not line.startswith("otel-rs-")}
    suffix = f"=={version('opentelemetry-instrumentation')}"
    names = {line.removesuffix(suffix).removeprefix("opentelemetry-instrumentation-") for line in stock}
    assert {"requests", "urllib3", "dbapi", "urllib"} <= names
    assert {"flask", "wsgi", "asyncio", "celery"}.isdisjoint(names)
    # Every one in the version that belongs to the installed opentelemetry-instrumentation.
    assert all(line.endswith(suffix) for line in stock)

    assert bootstrap.main(["--no-stock"]) == 0
    assert "opentelemetry" not in capsys.readouterr().out


def test_a_library_in_a_version_that_stock_does_not_take(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"library": "flask >= 99", "instrumentation": "opentelemetry-instrumentation-too-old==1"},
        {"library": "flask < 99, >= 1", "instrumentation": "opentelemetry-instrumentation-fits==1"},
        {"library": "requests < 1", "instrumentation": "opentelemetry-instrumentation-requests==1"},
        {"library": "no-such-library", "instrumentation": "opentelemetry-instrumentation-odd==1"},
    ]
    monkeypatch.setattr(bootstrap_gen, "libraries", rows)
    monkeypatch.setattr(bootstrap_gen, "default_instrumentations", [])
    monkeypatch.setattr(bootstrap, "instrumented_by_plugin", lambda: {"otel-rs-instr-none": ["none"]})
    assert bootstrap.main([]) == 0
    printed = capsys.readouterr()
    assert printed.out.split() == ["opentelemetry-instrumentation-fits==1"]
    # Nobody is left to wonder where the spans of requests are.
    [line] = printed.err.splitlines()
    assert line.startswith(f"otel-rs: requests {version('requests')} is installed; expected requests<1 for ")


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
    assert bootstrap.main(["-a", "requirements", "--no-stock"]) == 0
    assert capsys.readouterr().out == ""


def test_install(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[Sequence[str]] = []

    def call(command: Sequence[str]) -> int:
        commands.append(command)
        return 3

    plugins = {"no-such-plugin": ["no-such-library", "flask"], "pytest": ["pytest"], "otel-rs-instr-none": ["none"]}
    monkeypatch.setattr(bootstrap, "instrumented_by_plugin", lambda: plugins)
    monkeypatch.setattr(
        bootstrap, "fitting_stock_packages", lambda: ["flask", "requests==0.1", f"urllib3=={version('urllib3')}"]
    )
    monkeypatch.setattr(subprocess, "call", call)
    assert bootstrap.main(["-a", "install", "--find-links", "dist"]) == 3
    [command] = commands
    # pytest stands for a plugin that is there already, requests for a package in a version of another release.
    assert command[1:] == ["-m", "pip", "install", "--find-links", "dist", "no-such-plugin", "requests==0.1"]


def test_unknown_arguments_are_an_error() -> None:
    with pytest.raises(SystemExit):
        bootstrap.main(["--nonsense"])
