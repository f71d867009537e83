"""Seeded requests: the same seed makes the same requests in every process."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import flask
from opentelemetry import baggage, trace
from werkzeug.middleware.proxy_fix import ProxyFix

from parity.bench import Bench
from parity.wsgi_client import call, environ

PREFIX = "generated:"
BATCH = 125
HOSTILE = "hostile"

_ABSENT = None


@dataclass(frozen=True)
class Case:
    """One request; ``number`` comes back as the span's attribute ``test.case``."""

    number: int
    method: str
    path: str
    query: str
    headers: dict[str, str]
    overrides: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """Requests to one application, instrumented in one way (``shape``)."""

    label: str
    shape: str
    cases: list[Case]


SHAPES = ("instrument", "instrument-app", "proxy-fix-after", "proxy-fix-before", "outer-span", "hooks", "excluded")

_METHODS = ["GET"] * 8 + ["POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "QUERY", "get", "BREW", "TRACE", "pRoP"]
_PATHS = [
    "/", "/user/1", "/user/23", "/user/x", "/files/a/b", "/files/\u00e9", "/redirect", "/slash", "/slash/", "/nowhere",
    "/raise", "/handled", "/abort/404", "/abort/500", "/status/299", "/stream", "/shop/t1/cart", "/", "//", "/user/-1",
    "/child", "/child", "/big", "/nowhere/%41", "/excluded/1", "/baggage",
]  # fmt: skip
_QUERIES = ["", "", "", "a=1", "a=1&b=2", "sig=secret&a=1", "q=%C3%A9", "x", "&&", "excluded", "a=\u00e9"]
_HOSTS = ["localhost:8000", "shop.example", "shop.example:443", "[::1]:8000", "SHOP.example", "", _ABSENT]
_PORTS = ["8000", "80", "443", "0", "", " 81 ", "8_1", _ABSENT]
_HOSTILE_PORTS = ["http", "80x", "8 0", "1__0", "\u00b2", "-", "0x50"]
_PARENTS = [
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
    "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-x",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
    "garbage", "",
]  # fmt: skip
_STATES = ["a=1", "a=1,b=2 ", "A=1", "a=1,a=1", "t@v=x y", "", "," * 40]
_BAGGAGE = ["user=ann", "a=1,b=2;p=q", "a=%20x", "bad entry", "a=1,a=2", "\u00e9=1", "", "k=" + "v" * 5000]
_AGENTS = ["curl/8", "Googlebot/2", "AlwaysOn", "", "\u00fc"]


def batches(seed: int, count: int) -> list[Batch]:
    """``count`` requests over all shapes, and a tenth of that which stock does not survive."""
    rng = random.Random(seed)
    result = []
    for start in range(0, count, BATCH):
        shape = SHAPES[start // BATCH % len(SHAPES)]
        cases = [_case(rng, number, shape) for number in range(start, min(start + BATCH, count))]
        result.append(Batch(f"generated-{seed}-{start}-{shape}", shape, cases))
    hostile = [_hostile(rng, count + number) for number in range(max(1, count // 10))]
    return [*result, Batch(f"generated-{seed}-{HOSTILE}", HOSTILE, hostile)]


def _case(rng: random.Random, number: int, shape: str) -> Case:
    headers: dict[str, str] = {}
    for name, values, probability in (
        ("traceparent", _PARENTS, 0.4),
        ("tracestate", _STATES, 0.3),
        ("baggage", _BAGGAGE, 0.3),
        ("User-Agent", _AGENTS, 0.6),
        ("X-Captured", ["1", "two, three"], 0.2),
        ("X-Forwarded-For", ["203.0.113.9", "203.0.113.9, 10.0.0.1", "bad"], 0.5 if "proxy" in shape else 0.05),
        ("X-Forwarded-Proto", ["https", "http"], 0.5 if "proxy" in shape else 0.05),
    ):
        if rng.random() < probability:
            headers[name] = rng.choice(values)
    overrides: dict[str, Any] = {}
    for key, choices, probability in (
        ("HTTP_HOST", _HOSTS, 0.4),
        ("SERVER_PORT", _PORTS, 0.3),
        ("REMOTE_ADDR", ["192.0.2.1", "::1", "", _ABSENT], 0.3),
        ("REMOTE_PORT", ["0", "x", "", _ABSENT, 7], 0.2),
        ("REMOTE_HOST", ["127.0.0.1", "client.example", ""], 0.2),
        ("RAW_URI", ["", "/raw", _ABSENT], 0.3),
        ("REQUEST_URI", ["", "/request?a"], 0.2),
        ("SERVER_NAME", ["server.example", ""], 0.1),
        ("SERVER_PROTOCOL", ["HTTP/1.0", "http/2", "", "SPDY/3"], 0.2),
        ("SCRIPT_NAME", ["/mounted", "/mounted/\u00e9"], 0.1),
        ("wsgi.url_scheme", ["https"], 0.1),
    ):
        if rng.random() < probability:
            overrides[key] = rng.choice(choices)
    if overrides.get("SERVER_PORT", "") is _ABSENT and not overrides.get("HTTP_HOST", "x"):
        # Stock cannot rebuild the URL without a port: that is for the hostile batch.
        del overrides["SERVER_PORT"]
    return Case(number, rng.choice(_METHODS), rng.choice(_PATHS), rng.choice(_QUERIES), headers, overrides)


def _hostile(rng: random.Random, number: int) -> Case:
    """A request that makes the stock instrumentation raise."""
    case = _case(rng, number, HOSTILE)
    kind = rng.randrange(3)
    if kind == 0:
        overrides: dict[str, Any] = {"SERVER_PORT": rng.choice(_HOSTILE_PORTS)}
    elif kind == 1:
        overrides = {"RAW_URI": None, "HTTP_HOST": None, rng.choice(["SERVER_NAME", "SERVER_PORT"]): None}
    else:
        return Case(number, case.method, "/status/bare", case.query, case.headers, case.overrides)
    return Case(number, case.method, case.path, case.query, case.headers, {**case.overrides, **overrides})


def run_batches(stack: str, job: str) -> dict[str, Any]:
    """Runs ``generated:SEED:COUNT`` on a stack."""
    seed, count = map(int, job.removeprefix(PREFIX).split(":"))
    records = {}
    for batch in batches(seed, count):
        bench = Bench(stack, batch.label)
        with bench:
            _run(bench, batch)
        records[batch.label] = bench.record()
    return records


def _run(bench: Bench, batch: Batch) -> None:
    bench.set_variable("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST", "x-captured")
    bench.set_variable("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE", "content-type")
    app = _instrumented(bench, batch.shape)
    current = {"number": 0}
    _add_routes(app, bench, current)
    for case in batch.cases:
        current["number"] = case.number
        request = environ(case.method, case.path, case.query, case.headers, case.overrides)
        if batch.shape == "outer-span":
            with bench.tracer().start_as_current_span("outer", attributes={"test.case": case.number}):
                bench.answers.append(call(app, request))
        else:
            bench.answers.append(call(app, request))


def _instrumented(bench: Bench, shape: str) -> Any:
    """An application without routes, instrumented as ``shape`` says."""
    if shape in ("instrument-app", "proxy-fix-before"):
        app: Any = flask.Flask("generated")
        if shape == "proxy-fix-before":
            app.wsgi_app = ProxyFix(app.wsgi_app)
        bench.instrument_app(app)
        return app
    options: dict[str, Any] = {}
    if shape == "hooks":
        options = {"request_hook": _request_hook, "response_hook": _response_hook}
    elif shape == "excluded":
        options = {"excluded_urls": "/excluded/,[?]excluded"}
    bench.instrument(**options)
    app = flask.Flask("generated")
    if shape == "proxy-fix-after":
        app.wsgi_app = ProxyFix(app.wsgi_app)
    return app


def _request_hook(span: trace.Span, environ: dict[str, Any]) -> None:
    span.set_attribute("hook", environ.get("REQUEST_METHOD", ""))


def _response_hook(span: trace.Span | None, status: str, headers: list[tuple[str, str]]) -> None:
    if span is not None:
        span.set_attribute("hook.status", status)
    headers.append(("X-Hook", "1"))


def _add_routes(app: flask.Flask, bench: Bench, current: dict[str, int]) -> None:
    @app.before_request
    def mark() -> None:
        trace.get_current_span().set_attribute("test.case", current["number"])

    def view(rule: str, **options: Any) -> Callable[[Any], Any]:
        return app.route(rule, methods=["GET", "POST", "HEAD", "QUERY", "BREW"], **options)

    @view("/")
    @view("/user/<int:user_id>")
    @view("/excluded/<name>")
    def plain(**values: Any) -> str:
        return f"{flask.request.endpoint} {values} {flask.request.scheme} {flask.request.remote_addr}"

    @view("/files/<path:path>")
    def files(path: str) -> str:
        return path

    @view("/redirect")
    def redirect() -> Any:
        return flask.redirect("/")

    @view("/slash/")
    def slash() -> str:
        return "slash"

    @view("/raise")
    def fail() -> str:
        raise ValueError(f"case {current['number']}")

    @view("/handled")
    def handled() -> str:
        raise KeyError("handled")

    @app.errorhandler(KeyError)
    def handler(error: KeyError) -> tuple[str, int]:
        return "handled", 409

    @view("/abort/<int:code>")
    def abort(code: int) -> str:
        flask.abort(code)

    @view("/status/<status>")
    def status(status: str) -> Any:
        # A status without a reason reaches start_response as it is.
        return _BareStatus() if status == "bare" else ("body", f"{status} Odd")

    @view("/stream")
    def stream() -> flask.Response:
        return flask.Response(iter(["one ", "two"]))

    @view("/child")
    def child() -> str:
        with bench.tracer().start_as_current_span("child", attributes={"test.case": current["number"]}):
            return "child"

    @view("/baggage")
    def bag() -> str:
        trace.get_current_span().set_attribute("test.baggage", repr(sorted(baggage.get_all().items())))
        return "baggage"

    @view("/big")
    def big() -> str:
        return "x" * 100_000

    shop = flask.Blueprint("shop", __name__, url_prefix="/shop/<tenant>")

    @shop.route("/cart")
    def cart(tenant: str) -> str:
        return tenant

    app.register_blueprint(shop)


class _BareStatus(flask.Response):
    """A response whose status line is ``200``, without a reason."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        start_response("200", [("Content-Type", "text/plain")])
        return [b"bare"]
