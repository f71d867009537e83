"""``excluded_urls``: as the stock package reads it, but what begins with ``^/`` is matched against the path."""

from __future__ import annotations

import flask
import pytest
from opentelemetry.util.http import parse_excluded_urls
from otel_rs_instr_flask import FlaskInstrumentor

from parity.wsgi_client import environ
from support.telemetry import Telemetry

PATHS = ("/", "/health", "/Health", "/healthy-food", "/shop/health", "/aa/bb", "/caf\xc3\xa9")


def make_app() -> flask.Flask:
    app = flask.Flask("paths")
    app.add_url_rule("/", view_func=lambda: "ok")
    app.add_url_rule("/<path:path>", "page", lambda path: "ok")
    return app


def traced(app: flask.Flask, telemetry: Telemetry, *targets: str, mounted: str = "") -> list[str]:
    """Which of the targets (path and query) have a span."""
    result = []
    for target in targets:
        telemetry.clear()
        path, _, query = target.partition("?")
        request = environ(path=path, query=query, overrides={"SCRIPT_NAME": mounted})
        assert b"".join(app(request, lambda status, headers, exc_info=None: lambda data: None)) == b"ok"
        if telemetry.spans:
            result.append(target)
    return result


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ("^/$", ["/health", "/Health", "/healthy-food", "/shop/health"]),
        ("^/$,^/health$", ["/Health", "/healthy-food", "/shop/health"]),
        ("  ^/health$ ,shop", ["/", "/Health", "/healthy-food"]),
        ("^/health", ["/", "/Health", "/shop/health"]),
        ("^/(?i:health)$", ["/", "/healthy-food", "/shop/health"]),
        ("^/nothing|shop", ["/", "/health", "/Health", "/healthy-food"]),
        ("(?i)^/health$", list(PATHS[:5])),
    ],
)
@pytest.mark.parametrize("by_variable", [False, True], ids=["argument", "variable"])
def test_a_pattern_for_the_path(
    patterns: str,
    expected: list[str],
    by_variable: bool,
    instrumentor: FlaskInstrumentor,
    telemetry: Telemetry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if by_variable:
        monkeypatch.setenv("OTEL_PYTHON_FLASK_EXCLUDED_URLS", patterns)
        instrumentor.instrument(**telemetry.providers)
    else:
        instrumentor.instrument(excluded_urls=patterns, **telemetry.providers)
    assert traced(make_app(), telemetry, *PATHS[:5]) == expected


def test_the_path_is_the_one_in_the_url(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    """With what the application is mounted under, and without the query."""
    app = make_app()
    instrumentor.instrument(excluded_urls="^/app/health$,^/caf\xe9$", **telemetry.providers)
    assert traced(app, telemetry, "/health", "/health?full", "/food", mounted="/app") == ["/food"]
    assert traced(app, telemetry, "/health?/app/health", "/app/health?x=/", "/caf\xc3\xa9") == ["/health?/app/health"]


@pytest.mark.parametrize(
    "patterns",
    [
        "health,shop",
        "http://localhost:8000/$",
        "^http://[^/]+/health$",
        "/health$,^https",
        "(a)\\1,(b)\\2",
        "(?i)HEALTH,shop",
        "(aa,bb)",
        "shop,,food",
        "$",
        " ",
        "caf\xe9",
        "^/shop,(b)\\1",
    ],
)
def test_all_others_are_as_with_stock(patterns: str, instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> None:
    stock = parse_excluded_urls(patterns)
    urls = {path: f"http://localhost:8000{path.encode('latin-1').decode()}" for path in PATHS}
    expected = [path for path, url in urls.items() if not stock.url_disabled(url)]
    if patterns.startswith("^/shop"):
        expected.remove("/shop/health")
    instrumentor.instrument(excluded_urls=patterns, **telemetry.providers)
    assert traced(make_app(), telemetry, *PATHS) == expected


@pytest.mark.parametrize("bad", ["(", "^/(", "*"])
def test_a_bad_one_among_good_ones(
    bad: str, instrumentor: FlaskInstrumentor, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    instrumentor.instrument(excluded_urls=f"shop,{bad},,^/health$", **telemetry.providers)
    assert traced(make_app(), telemetry, *PATHS[:5]) == ["/", "/Health", "/healthy-food"]
    assert len(caplog.messages) <= 1, "it is said once in a process"
    assert all(bad in message for message in caplog.messages)
