"""Stock and ours installed together: ours instruments, whichever entry point the launcher meets first."""

import json
from pathlib import Path

import pytest

from support.environments import (
    APPLICATION,
    NATIVE,
    STOCK_FLASK,
    STOCK_SDK,
    Environment,
    environment,
    layer,
)
from support.gunicorn import Gunicorn
from support.http_client import Request, send_all
from support.oteltap_receiver import OtelTapReceiver
from support.otlp_receiver import OtlpReceiver
from support.settings import PLUGIN_SCOPE, otlp

REQUESTS = 60
OURS = ("otel-rs-distro", "otel-rs-sdk", "otel-rs-instr-flask")
STOCK = ("opentelemetry-distro", "opentelemetry-instrumentation-flask")

ENTRY_POINTS = """
import json
from importlib.metadata import entry_points
groups = ("opentelemetry_distro", "opentelemetry_configurator", "opentelemetry_instrumentor")
print(json.dumps({group: [point.module.split(".")[0] for point in entry_points(group=group)] for group in groups}))
"""

# What an application sees that configures logging before it initialises OpenTelemetry by hand.
INITIALIZE_IN_PROCESS = """
import logging
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
from opentelemetry.instrumentation.auto_instrumentation import initialize
initialize()
from shop import app
assert app.test_client().get("/items/1").status_code == 200
assert app.test_client().get("/items/2").status_code == 200
"""


@pytest.fixture(params=["ours-first", "stock-first"])
def both(request: pytest.FixtureRequest) -> Environment:
    """An environment with both. Entry points come in the order of ``sys.path``, so a layer decides which is first."""
    place = environment(*APPLICATION, *STOCK_SDK, *STOCK_FLASK, *NATIVE)
    first = {"ours-first": OURS, "stock-first": STOCK}[request.param]
    place = place.with_layers(layer(*first))

    order = json.loads(place.run("-c", ENTRY_POINTS).stdout)
    for group, ours in (
        ("opentelemetry_distro", "otel_rs_distro"),
        ("opentelemetry_configurator", "otel_rs_distro"),
        ("opentelemetry_instrumentor", "otel_rs_instr_flask"),
    ):
        assert order[group] == ([ours, "opentelemetry"] if first is OURS else ["opentelemetry", ours])
    return place


def our_version(place: Environment) -> str:
    """The version of our plugin."""
    return place.packages()["otel-rs-instr-flask"]


def assert_ours_once(receiver: OtelTapReceiver, version: str, expected: int) -> None:
    """One server span per request, from our plugin."""
    receiver.wait_for(lambda _: len(receiver.server_spans()) >= expected)
    spans = receiver.server_spans()
    assert sorted(span.attributes["http.target"] for span in spans) == sorted(
        f"/items/{number}" for number in range(expected)
    )
    assert [span for span in receiver.spans if span.kind != "SERVER"] == []
    assert {(span.scope.name, span.scope.version) for span in spans} == {(PLUGIN_SCOPE, version)}
    durations = receiver.latest_points("http.server.duration")
    assert sum(point.count for point in durations) == expected


def requests() -> list[Request]:
    """The requests of one test."""
    return [Request(f"/items/{number}") for number in range(REQUESTS)]


def test_under_the_launcher(both: Environment, oteltap: OtelTapReceiver, tmp_path: Path) -> None:
    settings = otlp(oteltap.endpoint)
    with Gunicorn(both, "shop:app", tmp_path, "--workers=2", variables=settings) as server:
        responses = send_all(server.port, requests())
        server.terminate()

    assert {response.status for response in responses} == {200}
    assert_ours_once(oteltap, our_version(both), REQUESTS)
    assert {span.resource["telemetry.distro.name"] for span in oteltap.spans} == {"otel-rs-distro"}


def test_without_the_launcher(
    both: Environment, request: pytest.FixtureRequest, oteltap: OtelTapReceiver, tmp_path: Path
) -> None:
    """An operator puts the launcher's ``sitecustomize`` on the path: then the order decides, and the loser speaks."""
    folder = both.run(
        "-c", "import opentelemetry.instrumentation.auto_instrumentation as launcher; print(launcher.__path__[0])"
    ).stdout.strip()
    place = both.with_layers(Path(folder))
    with Gunicorn(place, "shop:app", tmp_path, bare=True, variables=otlp(oteltap.endpoint)) as server:
        responses = send_all(server.port, requests())
        server.terminate()

    assert {response.status for response in responses} == {200}
    assert_ours_once(oteltap, our_version(both), REQUESTS)
    hints = [line for line in server.log.splitlines() if "OTEL_PYTHON_CONFIGURATOR=otel_rs" in line]
    native = {span.resource.get("telemetry.distro.name") for span in oteltap.spans} == {"otel-rs-distro"}
    if request.node.callspec.params["both"] == "stock-first":
        assert not native
        assert len(hints) == 1
    else:
        assert native
        assert hints == []


def test_one_line_says_which_is_used(both: Environment, oteltap: OtelTapReceiver) -> None:
    apps = str(Path(__file__).parent / "apps")
    settings = otlp(oteltap.endpoint, OTEL_PYTHON_DISTRO="otel_rs", OTEL_PYTHON_CONFIGURATOR="otel_rs")
    result = both.with_layers(Path(apps)).run("-c", INITIALIZE_IN_PROCESS, variables=settings)

    assert result.returncode == 0, result.stderr
    infos = [line for line in result.stderr.splitlines() if line.startswith("INFO otel_rs")]
    assert len(infos) == 1, result.stderr
    assert "opentelemetry.instrumentation.flask" in infos[0]
    # "Configuration of … not loaded" is the launcher's own line about the other configurator.
    others = [line for line in result.stderr.splitlines() if line.startswith(("WARNING", "ERROR"))]
    assert [line for line in others if "opentelemetry.instrumentation.auto_instrumentation._load" not in line] == []
    oteltap.wait_for(lambda _: len(oteltap.server_spans()) >= 2)
    assert len(oteltap.server_spans()) == 2


def test_the_user_may_choose_stock(receiver: OtlpReceiver) -> None:
    """Naming the stock distro keeps the stock SDK, also under the launcher."""
    place = environment(*APPLICATION, *STOCK_SDK, *STOCK_FLASK, *NATIVE)
    code = "from opentelemetry.trace import get_tracer_provider; print(type(get_tracer_provider()).__module__)"
    launcher = place.command("opentelemetry-instrument")
    settings = otlp(receiver.endpoint, OTEL_PYTHON_DISTRO="distro", OTEL_PYTHON_CONFIGURATOR="configurator")
    result = place.run(launcher, place.python, "-c", code, variables=settings)
    assert result.stdout.strip() == "opentelemetry.sdk.trace", result.stderr
