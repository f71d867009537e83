"""Gunicorn under the stock launcher, with the entry point ``wsgi`` and without code."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.environments import APPLICATION, NATIVE, PLUGIN, STOCK_SDK, Environment, environment, layer
from support.gunicorn import Gunicorn
from support.http_client import Request, send_all
from support.otlp_receiver import OtlpReceiver, ReceivedSpan, span_names
from support.settings import PLUGIN_SCOPE, otlp

REQUESTS = 40
WSGI_SCOPE = "opentelemetry.instrumentation.wsgi"
DURATION = "http.server.duration"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(params=["rust-on-stock-sdk", "rust-native"])
def place(request: pytest.FixtureRequest) -> Environment:
    """Flask and gunicorn with both of our plugins."""
    packages = NATIVE if request.param == "rust-native" else (*STOCK_SDK, *PLUGIN)
    apps = Path(__file__).parent / "apps"
    return environment(*APPLICATION, *packages).with_layers(layer("otel-rs-instr-wsgi"), apps)


def run(place: Environment, receiver: OtlpReceiver, folder: Path, application: str, **variables: str) -> str:
    """Sends requests to two workers and stops them; returns the log."""
    settings = otlp(receiver.endpoint, **variables)
    with Gunicorn(place, application, folder, "--workers=2", variables=settings) as server:
        responses = send_all(server.port, [Request(f"/items/{number}") for number in range(REQUESTS)])
        server.terminate()
        log = server.log
    assert [response.body for response in responses] == [b"item %d" % number for number in range(REQUESTS)]
    assert "Traceback" not in log
    return log


def scopes(spans: list[ReceivedSpan]) -> set[str]:
    """The names of the scopes."""
    return {span.scope.name for span in spans}


def requests_measured(receiver: OtlpReceiver) -> int:
    """How many durations were recorded."""
    return sum(point.count for point in receiver.latest_points(DURATION))


def test_server_and_flask_share_the_span(place: Environment, receiver: OtlpReceiver, tmp_path: Path) -> None:
    run(place, receiver, tmp_path, "shop:app", OTEL_RS_WSGI_SERVERS="gunicorn")
    assert span_names(receiver.spans) == {"GET /items/<int:number>": REQUESTS}
    assert len(receiver.server_spans()) == REQUESTS
    assert scopes(receiver.spans) == {WSGI_SCOPE}
    assert {span.attributes["http.route"] for span in receiver.spans} == {"/items/<int:number>"}
    assert requests_measured(receiver) == REQUESTS
    assert {
        point.as_int or int(point.as_double) for point in receiver.latest_points("http.server.active_requests")
    } == {0}


def test_the_server_alone(place: Environment, receiver: OtlpReceiver, tmp_path: Path) -> None:
    run(
        place,
        receiver,
        tmp_path,
        "shop:app",
        OTEL_RS_WSGI_SERVERS="gunicorn,waitress",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="flask",
    )
    assert span_names(receiver.server_spans()) == {f"GET /items/{number}": 1 for number in range(REQUESTS)}
    assert len(receiver.spans) == REQUESTS
    assert requests_measured(receiver) == REQUESTS


def test_off_by_default(place: Environment, receiver: OtlpReceiver, tmp_path: Path) -> None:
    run(place, receiver, tmp_path, "shop:app")
    assert span_names(receiver.server_spans()) == {"GET /items/<int:number>": REQUESTS}
    assert scopes(receiver.spans) == {PLUGIN_SCOPE}


def test_it_stands_aside_for_a_middleware(place: Environment, receiver: OtlpReceiver, tmp_path: Path) -> None:
    run(place, receiver, tmp_path, "wrapped:application", OTEL_RS_WSGI_SERVERS="gunicorn")
    assert scopes(receiver.server_spans()) == {WSGI_SCOPE}
    assert span_names(receiver.server_spans()) == {f"GET /items/{number}": 1 for number in range(REQUESTS)}
    inner = [span for span in receiver.spans if span.kind == "INTERNAL"]
    assert scopes(inner) == {PLUGIN_SCOPE}
    assert {span.parent_id for span in inner} == {span.span_id for span in receiver.server_spans()}
    assert len(receiver.spans) == 2 * REQUESTS


def test_an_unknown_server_is_named_in_one_line(place: Environment, receiver: OtlpReceiver, tmp_path: Path) -> None:
    log = run(place, receiver, tmp_path, "shop:app", OTEL_RS_WSGI_SERVERS="hypercorn,gunicorn")
    assert len([line for line in log.splitlines() if "hypercorn" in line]) == 1
    assert len(receiver.server_spans()) == REQUESTS
