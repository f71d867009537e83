"""Seeded requests: the same seed makes the same requests in every process."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from parity import generated_flask, generated_wsgi
from parity.bench import Bench
from parity.wsgi_client import call, environ

PREFIX = "generated:"
BATCH = 125
HOSTILE = ("hostile", "wsgi-hostile")
SHAPES = (*generated_flask.SHAPES, *generated_wsgi.SHAPES)

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


_METHODS = ["GET"] * 8 + ["POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "QUERY", "get", "BREW", "TRACE", "pRoP"]
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
    """``count`` requests over all shapes, and for each library a tenth of that which stock does not survive."""
    rng = random.Random(seed)
    result = []
    for start in range(0, count, BATCH):
        shape = SHAPES[start // BATCH % len(SHAPES)]
        cases = [_case(rng, number, shape) for number in range(start, min(start + BATCH, count))]
        result.append(Batch(f"generated-{seed}-{start}-{shape}", shape, cases))
    for shape in HOSTILE:
        hostile = [_hostile(rng, count + number, shape) for number in range(max(1, count // 10))]
        result.append(Batch(f"generated-{seed}-{shape}", shape, hostile))
    return result


def _applications(shape: str) -> Any:
    """The module of the application of a shape."""
    return generated_wsgi if shape.startswith("wsgi") else generated_flask


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
    path = rng.choice(_applications(shape).PATHS)
    return Case(number, rng.choice(_METHODS), path, rng.choice(_QUERIES), headers, overrides)


def _hostile(rng: random.Random, number: int, shape: str) -> Case:
    """A request that makes the stock instrumentation raise."""
    case = _case(rng, number, shape)
    kind = rng.randrange(3)
    if kind == 0:
        overrides: dict[str, Any] = {"SERVER_PORT": rng.choice(_HOSTILE_PORTS)}
    elif kind == 1:
        overrides = {"RAW_URI": None, "HTTP_HOST": None, rng.choice(["SERVER_NAME", "SERVER_PORT"]): None}
    else:
        return Case(number, case.method, _applications(shape).BARE_STATUS, case.query, case.headers, case.overrides)
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
    current = {"number": 0}
    app = _applications(batch.shape).application(bench, batch.shape, current)
    for case in batch.cases:
        current["number"] = case.number
        request = environ(case.method, case.path, case.query, case.headers, case.overrides)
        if batch.shape.endswith("outer-span"):
            with bench.tracer().start_as_current_span("outer", attributes={"test.case": case.number}):
                bench.answers.append(call(app, request))
        else:
            bench.answers.append(call(app, request))
