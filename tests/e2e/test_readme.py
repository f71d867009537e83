"""The commands of the README give the whole trace of an application that has a database and calls another service."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from support.environments import PINS, ROOT, Environment, dist
from support.gunicorn import Gunicorn
from support.http_client import get
from support.otlp_receiver import OtlpReceiver
from support.service import Service
from support.settings import otlp

LIBRARIES = ("flask", "gunicorn", "requests", "sqlalchemy")


def commands() -> list[list[str]]:
    """The commands below "Use it", without their comments."""
    [block] = re.findall(r"## Use it\n\n```console\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    return [shlex.split(line, comments=True) for line in block.splitlines()]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What the README's commands make of an environment that has the application's libraries."""
    place = Environment(tmp_path_factory.mktemp("readme") / "venv")
    pip = ["install", "--quiet", "--disable-pip-version-check", "--constraint", str(PINS)]
    subprocess.run([sys.executable, "-m", "venv", str(place.path)], check=True)
    subprocess.run([place.command("pip"), *pip, *LIBRARIES], check=True)
    make, *installs, serve = commands()
    assert make == ["make", "wheels"]
    assert serve == ["opentelemetry-instrument", "gunicorn", "app:app"]
    for command, *arguments in installs:
        variables = place.variables(PIP_CONSTRAINT=str(PINS), PIP_DISABLE_PIP_VERSION_CHECK="1")
        at = [str(dist()) if argument == "dist" else argument for argument in arguments]
        result = subprocess.run(
            [place.command(command), *at], env=variables, capture_output=True, text=True, timeout=300, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr
    return place


@pytest.mark.timeout(400)
def test_one_trace(installed: Environment, receiver: OtlpReceiver, tmp_path: Path) -> None:
    with Service(lambda _: b"in stock") as service:
        variables = otlp(receiver.endpoint, STOCK_SERVICE=service.url)
        with Gunicorn(installed, "orders:app", tmp_path, variables=variables) as server:
            response = get(server.port, "/orders/21")
            server.terminate()
    assert (response.status, response.body) == (200, b"42 in stock"), server.log

    by_scope: dict[str, list[str]] = {}
    for span in receiver.spans:
        by_scope.setdefault(span.scope.name.removeprefix("opentelemetry.instrumentation."), []).append(span.name)
    assert by_scope["flask"] == ["GET /orders/<int:number>"], by_scope
    assert "requests" in by_scope, by_scope
    assert any(name.startswith("SELECT") for name in by_scope["sqlalchemy"]), by_scope

    # One trace, all of it below the request, and the next service continues it.
    [root] = receiver.server_spans()
    assert {span.trace_id for span in receiver.spans} == {root.trace_id}
    ids = {span.span_id for span in receiver.spans}
    assert all(span.parent_id in ids for span in receiver.spans if span is not root)
    [asked] = service.asked
    clients = [span.span_id for span in receiver.spans if span.kind == "CLIENT" and "GET" in span.name]
    _, trace_id, parent_id, _ = asked.headers["traceparent"].split("-")
    assert trace_id == root.trace_id
    assert parent_id in clients


def test_nothing_is_left_to_install(installed: Environment) -> None:
    packages = installed.packages()
    assert {"otel-rs-instr-flask", "opentelemetry-instrumentation-sqlalchemy"} <= packages.keys()
    # What a plugin of ours replaces, and the stock SDK, are not needed.
    assert {"opentelemetry-instrumentation-flask", "opentelemetry-sdk"}.isdisjoint(packages)
    result = installed.run(installed.command("otel-rs-bootstrap"), "-a", "install", variables={"PIP_NO_INDEX": "1"})
    assert result.stdout.strip() == "Nothing to install.", result.stderr
    check = installed.run("-m", "pip", "check", "--disable-pip-version-check")
    assert check.returncode == 0, check.stdout
