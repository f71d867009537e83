"""Which distro the launcher will choose."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from otel_rs_distro import choice, distro

VARIABLES = ("OTEL_PYTHON_DISTRO", "OTEL_PYTHON_CONFIGURATOR")


LAUNCHED = "/lib/opentelemetry/instrumentation/auto_instrumentation"


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is chosen. First set, then deleted: monkeypatch then restores whatever the code under test sets."""
    for name in (*VARIABLES, choice.CHOSEN_IN, "PYTHONPATH"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(choice, "_before", {})


def chosen() -> tuple[str | None, ...]:
    """The two variables."""
    return tuple(os.environ.get(name) for name in VARIABLES)


@pytest.mark.parametrize(
    ("before", "during"),
    [
        ({}, ("otel_rs", "otel_rs")),
        ({"OTEL_PYTHON_DISTRO": "otel_rs"}, ("otel_rs", "otel_rs")),
        ({"OTEL_PYTHON_CONFIGURATOR": "otel_rs"}, ("otel_rs", "otel_rs")),
        ({"OTEL_PYTHON_DISTRO": "", "OTEL_PYTHON_CONFIGURATOR": " OTEL_RS\n"}, ("otel_rs", "otel_rs")),
        # Half of another distro and half of ours would be worse than either.
        ({"OTEL_PYTHON_DISTRO": "distro"}, ("distro", None)),
        ({"OTEL_PYTHON_CONFIGURATOR": "configurator"}, (None, "configurator")),
    ],
)
def test_preference(
    before: dict[str, str], during: tuple[str | None, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", f"/app{os.pathsep}{LAUNCHED}")
    written = chosen()

    choice.prefer_otel_rs()
    # What the launcher's process hands on says nothing to other environments.
    assert chosen() == written
    choice.choose_in_launched_process()
    assert chosen() == during
    choice.forget()
    assert chosen() == written


@pytest.mark.parametrize(
    ("prefix", "python_path"),
    [("/another/environment", LAUNCHED), (sys.prefix, "/app"), (sys.prefix, "")],
)
def test_who_does_not_choose(prefix: str, python_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of another environment, and one that the launcher does not enter."""
    monkeypatch.setenv(choice.CHOSEN_IN, prefix)
    monkeypatch.setenv("PYTHONPATH", python_path)
    choice.choose_in_launched_process()
    assert chosen() == (None, None)


def test_another_path_to_the_same_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choice.prefer_otel_rs()
    link = tmp_path / "environment"
    link.symlink_to(sys.prefix)
    monkeypatch.setattr(sys, "prefix", str(link))
    monkeypatch.setenv("PYTHONPATH", LAUNCHED)
    choice.choose_in_launched_process()
    assert chosen() == ("otel_rs", "otel_rs")


def test_where_interpreters_do_not_look_for_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of ``PYTHONPATH`` nothing of ours runs before the launcher."""
    monkeypatch.setattr(choice, "_starts_interpreters", lambda: False)
    choice.prefer_otel_rs()
    assert chosen() == ("otel_rs", "otel_rs")
    assert choice.CHOSEN_IN not in os.environ


def test_where_nobody_else_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_starts_interpreters", lambda: False)
    only_ours = [SimpleNamespace(name="otel_rs")]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: only_ours)
    choice.prefer_otel_rs()
    assert chosen() == (None, None)


def test_no_name_becomes_an_option_of_the_launcher() -> None:
    from otel_rs_distro import environment_variables

    assert [name for name in dir(environment_variables) if name.startswith("OTEL_")] == []


@pytest.mark.parametrize(
    ("has_run", "variables", "warnings"),
    [
        (True, {}, 0),
        (False, {}, 1),
        (False, {"OTEL_PYTHON_DISTRO": "otel_rs"}, 1),
        (False, {"OTEL_PYTHON_DISTRO": " "}, 1),
        (False, {"OTEL_PYTHON_DISTRO": "distro"}, 0),
        # The launcher itself has said that ours is not loaded.
        (False, {"OTEL_PYTHON_CONFIGURATOR": "configurator"}, 0),
    ],
)
def test_the_loser_speaks(
    has_run: bool,
    variables: dict[str, str],
    warnings: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    configurator = SimpleNamespace(OtelRsConfigurator=SimpleNamespace(has_run=has_run))
    monkeypatch.setitem(sys.modules, "otel_rs_distro.configurator", configurator)
    distro.report_lost_configuration()
    assert len(caplog.records) == warnings
    assert all("OTEL_PYTHON_CONFIGURATOR=otel_rs" in record.message for record in caplog.records)


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_choice_that_is_not_installed(
    variable: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(variable, "otel-rust")
    distro.report_lost_configuration()
    [record] = caplog.records
    assert record.message.startswith(f"otel-rs: {variable} is 'otel-rust'; expected one that is installed: ")
    assert "otel_rs" in record.message
