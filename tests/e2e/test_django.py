"""A Django project under uvicorn: the stock instrumentation of Django with our plugins for asgiref and asyncio."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.environments import STOCK_SDK, environment
from support.http_client import Request, Response, send_all
from support.oteltap_receiver import OtelTapReceiver
from support.otlp_receiver import ReceivedSpan
from support.settings import otlp
from support.uvicorn import Uvicorn

DJANGO = ("django", "uvicorn")
STOCK_DJANGO = (
    "opentelemetry-instrumentation-django",
    "opentelemetry-instrumentation-asgi",
    "opentelemetry-instrumentation-wsgi",
)
PLUGINS = ("otel-rs-instr-asgiref", "otel-rs-instr-asyncio")
SETUPS = {
    "native": (*DJANGO, *STOCK_DJANGO, "otel-rs-distro", *PLUGINS),
    "on-stock-sdk": (*DJANGO, *STOCK_DJANGO, *STOCK_SDK, *PLUGINS),
}
SCOPES = {f"opentelemetry.instrumentation.{library}" for library in ("django", "asgiref", "asyncio")}
VARIABLES = {"DJANGO_SETTINGS_MODULE": "django_shop.settings", "PYTHONPATH": "."}

# Of each view, the spans of coroutines and the bridges that its own code makes.
COROUTINES = {"sync": 0, "async": 3, "bridged": 1, "fail": 1}
BRIDGES = {"sync": 1, "async": 0, "bridged": 1, "fail": 0}
REQUESTS = 40


def requests() -> list[Request]:
    """Every view in turn; every second request has a remote parent."""
    views = tuple(COROUTINES)
    return [
        Request(
            f"/{views[number % len(views)]}/{number}", (("traceparent", remote_parent(number)),) * (number // 4 % 2)
        )
        for number in range(REQUESTS)
    ]


def remote_parent(number: int) -> str:
    return f"00-{number + 1:032x}-{number + 1:016x}-01"


def comparable(response: Response) -> object:
    """All of a response but the time."""
    return response.status, [header for header in response.headers.items() if header[0] != "date"], response.body


@pytest.fixture(scope="module")
def bare_responses(tmp_path_factory: pytest.TempPathFactory) -> list[Response]:
    """What the project answers without any instrumentation."""
    folder = tmp_path_factory.mktemp("bare")
    with Uvicorn(environment(*DJANGO), "django_shop.asgi:application", folder, bare=True) as server:
        return send_all(server.port, requests())


def of_scope(spans: list[ReceivedSpan], library: str) -> list[ReceivedSpan]:
    return [span for span in spans if span.scope.name == f"opentelemetry.instrumentation.{library}"]


def bridges_of_the_views(spans: list[ReceivedSpan]) -> list[ReceivedSpan]:
    """Django makes bridges too, some before there is a server span."""

    def made_here(span: ReceivedSpan) -> bool:
        (event,) = span.message.events
        (stack,) = (pair.value.string_value for pair in event.attributes if pair.key == "exception.stacktrace")
        return "django_shop/views.py" in stack.strip().splitlines()[-2]

    return [span for span in of_scope(spans, "asgiref") if made_here(span)]


def children(spans: list[ReceivedSpan], server: ReceivedSpan) -> int:
    return sum((span.trace_id, span.parent_id) == (server.trace_id, server.span_id) for span in spans)


@pytest.mark.parametrize("setup", SETUPS)
def test_every_span_is_under_the_server_span_of_its_request(
    setup: str, bare_responses: list[Response], oteltap: OtelTapReceiver, tmp_path: Path
) -> None:
    settings = otlp(oteltap.endpoint, OTEL_PYTHON_ASYNCIO_COROUTINE_NAMES_TO_TRACE="fetch", **VARIABLES)
    settings["OTEL_PYTHON_ASYNCIO_TO_THREAD_FUNCTION_NAMES_TO_TRACE"] = "load"
    with Uvicorn(environment(*SETUPS[setup]), "django_shop.asgi:application", tmp_path, variables=settings) as server:
        responses = send_all(server.port, requests())
        if setup == "native":
            server.terminate()
        else:
            # The stock SDK loses what it has when uvicorn hands SIGTERM on.
            server.interrupt()

    assert list(map(comparable, responses)) == list(map(comparable, bare_responses))
    oteltap.wait_for(lambda receiver: len(receiver.server_spans()) >= REQUESTS)
    spans = oteltap.spans
    assert {span.scope.name for span in spans} == SCOPES

    servers = {span.attributes["http.target"]: span for span in oteltap.server_spans()}
    assert servers.keys() == {request.path for request in requests()}
    coroutines, threads, bridges = (
        [span for span in spans if span.name == "asyncio coro-fetch"],
        [span for span in spans if span.name == "asyncio to_thread-load"],
        bridges_of_the_views(spans),
    )
    for number, request in enumerate(requests()):
        view, span = request.path.split("/")[1], servers[request.path]
        if request.headers:
            assert span.parent_id == f"{number + 1:016x}"
        assert children(coroutines, span) == COROUTINES[view], request.path
        assert children(threads, span) == (view == "async"), request.path
        assert children(bridges, span) == BRIDGES[view], request.path
    each = REQUESTS // len(COROUTINES)
    assert len(coroutines) == each * sum(COROUTINES.values())
    assert len(threads) == each
    assert len(bridges) == each * sum(BRIDGES.values())
    processes = oteltap.latest_points("asyncio.process.duration")
    assert sum(point.count for point in processes) >= len(coroutines) + len(threads)


@pytest.mark.parametrize("setup", SETUPS)
def test_calls_over_bridges(
    setup: str, bare_responses: list[Response], oteltap: OtelTapReceiver, tmp_path: Path
) -> None:
    """What is on the other side of a bridge, Django's own bridges included, is under the span of the call over it."""
    settings = otlp(oteltap.endpoint, OTEL_RS_ASGIREF_CALLS_ENABLED="true", **VARIABLES)
    with Uvicorn(environment(*SETUPS[setup]), "django_shop.asgi:application", tmp_path, variables=settings) as server:
        responses = send_all(server.port, requests())
        server.interrupt()

    assert list(map(comparable, responses)) == list(map(comparable, bare_responses))
    oteltap.wait_for(lambda receiver: len(receiver.server_spans()) >= REQUESTS)
    spans = {(span.trace_id, span.span_id): span for span in oteltap.spans}
    servers = {span.attributes["http.target"]: span for span in oteltap.server_spans()}
    assert servers.keys() == {request.path for request in requests()}
    calls = [span for span in of_scope(oteltap.spans, "asgiref") if not span.name.startswith("asgiref.sync.")]

    def outwards(span: ReceivedSpan) -> list[str]:
        """The names of a span and of those around it, as far as the server span."""
        names = []
        while span.kind != "SERVER":
            names.append(span.name)
            span = spans[span.trace_id, span.parent_id or ""]
        return names

    paths = {view: {tuple(outwards(span)) for span in calls if in_view(span, view, servers)} for view in COROUTINES}
    middleware = "async_to_sync convert_exception_to_response.<locals>.inner"
    assert ("async_to_sync fetch", "sync_to_async sync_view", middleware) in paths["sync"]
    assert ("sync_to_async load", middleware) in paths["bridged"]
    assert all((middleware,) in of_view for of_view in paths.values())
    for number, request in enumerate(requests()):
        if request.headers:
            assert servers[request.path].parent_id == f"{number + 1:016x}"


def in_view(span: ReceivedSpan, view: str, servers: dict[object, ReceivedSpan]) -> bool:
    """Whether a span belongs to a request of that view."""
    traces = {server.trace_id for target, server in servers.items() if str(target).startswith(f"/{view}/")}
    return span.trace_id in traces
