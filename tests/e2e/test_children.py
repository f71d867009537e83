"""Children of a launched application: those of the same environment have our SDK, those of another one have theirs."""

import json
from typing import Any

import pytest

from support.environments import APPLICATION, NATIVE, STOCK_FLASK, STOCK_SDK, Environment, environment, layer

# Says which provider and instrumentor this process has.
REPORT = """
import json, os
from opentelemetry import trace
provider = type(trace.get_tracer_provider()).__module__.split(".")
chosen = sorted(name for name in os.environ if name in ("OTEL_PYTHON_DISTRO", "OTEL_PYTHON_CONFIGURATOR"))
print(json.dumps({"provider": provider[0], "sdk": "sdk" in provider, "chosen": chosen}), flush=True)
"""

# Starts the child in the way that its first argument says, and then reports on itself.
PARENT = f"""
import multiprocessing, os, subprocess, sys
REPORT = {REPORT!r}

def report():
    exec(REPORT, {{}})

if __name__ == "__main__":
    way, python = sys.argv[1:]
    if way == "spawn":
        child = multiprocessing.get_context("spawn").Process(target=report)
        child.start()
        child.join(60)
    elif way == "exec" and "AGAIN" not in os.environ:
        os.environ["AGAIN"] = "1"
        report()
        os.execv(python, [python, *sys.argv])
    else:
        subprocess.run([python, "-c", REPORT], check=True)
    report()
"""

SETTINGS = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
OURS = {"provider": "otel_rs_sdk", "sdk": False, "chosen": []}
STOCK = {"provider": "opentelemetry", "sdk": True, "chosen": []}
NONE = {"provider": "opentelemetry", "sdk": False, "chosen": []}


@pytest.fixture(scope="module")
def both() -> Environment:
    """Stock and ours; the launcher meets stock first."""
    place = environment(*APPLICATION, *STOCK_SDK, *STOCK_FLASK, *NATIVE)
    return place.with_layers(layer("opentelemetry-distro", "opentelemetry-instrumentation-flask"))


def reports(place: Environment, way: str, python: str, tmp_path: Any, **variables: str) -> list[dict[str, Any]]:
    """What the processes say, the child first."""
    program = tmp_path / "parent.py"
    program.write_text(PARENT)
    launcher = place.command("opentelemetry-instrument")
    result = place.run(launcher, place.python, str(program), way, python, variables=SETTINGS | variables)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("way", ["spawn", "exec", "subprocess"])
def test_children_of_the_same_environment(way: str, both: Environment, tmp_path: Any) -> None:
    assert reports(both, way, both.python, tmp_path) == [OURS] * (3 if way == "exec" else 2)


@pytest.mark.parametrize("way", ["exec", "subprocess"])
@pytest.mark.parametrize("other", ["stock", "plugin-only"])
def test_children_of_another_environment(
    way: str, other: str, native: Environment, setup_environment: Any, tmp_path: Any
) -> None:
    child = setup_environment(other)
    first, second = reports(native, way, child.python, tmp_path)[:2]
    theirs = STOCK if other == "stock" else NONE
    assert [first, second] == ([OURS, theirs] if way == "exec" else [theirs, OURS])


def test_a_command_of_another_environment(native: Environment, setup_environment: Any) -> None:
    """The launcher of one environment may start the interpreter of another."""
    launcher = native.command("opentelemetry-instrument")
    result = native.run(launcher, setup_environment("stock").python, "-c", REPORT, variables=SETTINGS)
    assert json.loads(result.stdout) == STOCK, result.stderr


def test_what_the_user_chose_stays(both: Environment, tmp_path: Any) -> None:
    chosen = {"OTEL_PYTHON_DISTRO": "otel_rs", "OTEL_PYTHON_CONFIGURATOR": "otel_rs"}
    expected = OURS | {"chosen": sorted(chosen)}
    assert reports(both, "subprocess", both.python, tmp_path, **chosen) == [expected] * 2
    chosen = {"OTEL_PYTHON_DISTRO": "distro", "OTEL_PYTHON_CONFIGURATOR": "configurator"}
    expected = STOCK | {"chosen": sorted(chosen)}
    assert reports(both, "subprocess", both.python, tmp_path, **chosen) == [expected] * 2
