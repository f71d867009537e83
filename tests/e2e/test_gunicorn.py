"""A thousand requests to two gunicorn workers under the stock launcher: everything arrives, once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support.environments import Environment
from support.gunicorn import Gunicorn
from support.http_client import Request, Response, send_all
from support.oteltap_receiver import OtelTapReceiver
from support.otlp_receiver import OtlpReceiver, ReceivedSpan
from support.settings import PLUGIN_SCOPE, SERVICE, otlp

REQUESTS = 1000
ROUTE = "/items/<int:number>"


def remote_parent(number: int) -> tuple[str, str] | None:
    """Trace id and span id that request ``number`` brings along; every third request does."""
    return (f"{number + 1:032x}", f"{number + 1:016x}") if number % 3 == 0 else None


def request(number: int) -> Request:
    """Request ``number``."""
    parent = remote_parent(number)
    headers = (("traceparent", f"00-{parent[0]}-{parent[1]}-01"),) if parent else ()
    return Request(f"/items/{number}", headers)


def worker_pids(responses: list[Response]) -> set[str]:
    """The processes that answered."""
    return {response.headers["X-Pid"] for response in responses}


def assert_spans(spans: list[ReceivedSpan], expected: int) -> None:
    """One server span for each request, with its route, its own id and its own parent."""
    assert len(spans) == expected
    assert len({span.span_id for span in spans}) == expected
    assert {span.name for span in spans} == {f"GET {ROUTE}"}
    assert {span.attributes["http.route"] for span in spans} == {ROUTE}
    assert {span.attributes["http.status_code"] for span in spans} == {200}
    assert {span.scope.name for span in spans} == {PLUGIN_SCOPE}
    assert {span.resource["service.name"] for span in spans} == {SERVICE}
    assert {span.resource["deployment.environment"] for span in spans} == {"test"}

    by_target = {span.attributes["http.target"]: span for span in spans}
    assert by_target.keys() == {f"/items/{number}" for number in range(expected)}
    roots = set()
    for number in range(expected):
        span, parent = by_target[f"/items/{number}"], remote_parent(number)
        if parent is None:
            assert span.parent_id is None
            roots.add(span.trace_id)
        else:
            assert (span.trace_id, span.parent_id) == parent
    assert len(roots) == sum(remote_parent(number) is None for number in range(expected))


def assert_metrics(receiver: OtlpReceiver, expected: int) -> None:
    """Each request is in the histogram once and none is left active."""
    durations = receiver.latest_points("http.server.duration")
    assert sum(point.count for point in durations) == expected
    active = receiver.latest_points("http.server.active_requests")
    assert active, "no active-requests metric"
    assert sum(point.as_int for point in active) == 0


@pytest.mark.parametrize("setup", ["stock", "rust-on-stock-sdk", "rust-native"])
def test_every_request_arrives(
    setup: str, setup_environment: Callable[[str], Environment], oteltap: OtelTapReceiver, tmp_path: Path
) -> None:
    settings = otlp(oteltap.endpoint)
    with Gunicorn(setup_environment(setup), "shop:app", tmp_path, "--workers=2", variables=settings) as server:
        responses = send_all(server.port, map(request, range(REQUESTS)))
        server.terminate()

    assert {response.status for response in responses} == {200}
    assert len(worker_pids(responses)) == 2
    oteltap.wait_for(lambda receiver: len(receiver.server_spans()) >= REQUESTS)
    assert_spans(oteltap.server_spans(), REQUESTS)
    assert_metrics(oteltap, REQUESTS)
    assert oteltap.wait_for(lambda _: len(oteltap.tapped_spans) == REQUESTS), "oteltap decoded a different number"


@pytest.mark.parametrize("setup", ["stock", "rust-on-stock-sdk", "rust-native"])
def test_preloaded_application(
    setup: str, setup_environment: Callable[[str], Environment], oteltap: OtelTapReceiver, tmp_path: Path
) -> None:
    settings = otlp(oteltap.endpoint)
    environment = setup_environment(setup)
    with Gunicorn(environment, "preloaded:app", tmp_path, "--workers=2", "--preload", variables=settings) as server:
        responses = send_all(server.port, map(request, range(REQUESTS)))
        server.terminate()

    assert {response.status for response in responses} == {200}
    assert len(worker_pids(responses)) == 2
    oteltap.wait_for(lambda receiver: len(receiver.spans) >= REQUESTS + 1)
    assert_spans(oteltap.server_spans(), REQUESTS)
    assert_metrics(oteltap, REQUESTS)

    # The master's own span: neither lost nor sent again by the workers, which inherit the master's queue.
    others = [span for span in oteltap.spans if span.kind != "SERVER"]
    assert [span.name for span in others] == ["startup"]
    if setup == "rust-native":
        workers = {span.resource["service.instance.id"] for span in oteltap.server_spans()}
        master = others[0].resource["service.instance.id"]
        assert len(workers | {master}) == 3
