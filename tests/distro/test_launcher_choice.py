"""Which distro the launcher will choose."""

import os
import sys
from types import SimpleNamespace

import pytest

from otel_rs_distro import distro
from otel_rs_distro.environment_variables import prefer_otel_rs

VARIABLES = ("OTEL_PYTHON_DISTRO", "OTEL_PYTHON_CONFIGURATOR")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, ("otel_rs", "otel_rs")),
        ({"OTEL_PYTHON_DISTRO": "otel_rs"}, ("otel_rs", "otel_rs")),
        ({"OTEL_PYTHON_CONFIGURATOR": "otel_rs"}, ("otel_rs", "otel_rs")),
        # Half of another distro and half of ours would be worse than either.
        ({"OTEL_PYTHON_DISTRO": "distro"}, ("distro", None)),
        ({"OTEL_PYTHON_CONFIGURATOR": "configurator"}, (None, "configurator")),
    ],
)
def test_preference(
    before: dict[str, str], after: tuple[str | None, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # First set, then deleted: monkeypatch then restores whatever the code under test sets.
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    prefer_otel_rs()
    assert tuple(os.environ.get(name) for name in VARIABLES) == after


def test_no_name_becomes_an_option_of_the_launcher() -> None:
    from otel_rs_distro import environment_variables

    assert [name for name in dir(environment_variables) if name.startswith("OTEL_")] == []


@pytest.mark.parametrize(
    ("has_run", "variables", "warnings"),
    [
        (True, {}, 0),
        (False, {}, 1),
        (False, {"OTEL_PYTHON_DISTRO": "otel_rs"}, 1),
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
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    configurator = SimpleNamespace(OtelRsConfigurator=SimpleNamespace(has_run=has_run))
    monkeypatch.setitem(sys.modules, "otel_rs_distro.configurator", configurator)
    distro.report_lost_configuration()
    assert len(caplog.records) == warnings
    assert all("OTEL_PYTHON_CONFIGURATOR=otel_rs" in record.message for record in caplog.records)
