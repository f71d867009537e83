"""Names of requests that match no route: as stock by default, without the client's path on request."""

from __future__ import annotations

import logging

import flask
import pytest
from otel_rs_instr_flask import FlaskInstrumentor

from support.telemetry import Telemetry

VARIABLE = "OTEL_RS_HTTP_LOW_CARDINALITY_SPAN_NAMES"


def names(instrumentor: FlaskInstrumentor, telemetry: Telemetry) -> list[str]:
    """The span names of a request with a route, one without, and one with an unknown method."""
    app = flask.Flask("names")
    app.add_url_rule("/users/<name>", "user", lambda name: name)
    instrumentor.instrument(**telemetry.providers)
    client = app.test_client()
    client.get("/users/1")
    client.get("/nowhere/1")
    client.open("/nowhere/1", method="BREW")
    return [span.name for span in telemetry.spans]


@pytest.mark.parametrize("value", [None, "", "false", "FALSE"])
def test_a_path_is_the_name_by_default(
    value: str | None, instrumentor: FlaskInstrumentor, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)

    assert names(instrumentor, telemetry) == ["GET /users/<name>", "GET /nowhere/1", "HTTP"]


@pytest.mark.parametrize("value", ["true", " True "])
def test_a_path_is_left_out_on_request(
    value: str, instrumentor: FlaskInstrumentor, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, value)

    assert names(instrumentor, telemetry) == ["GET /users/<name>", "GET", "HTTP"]


def test_another_value_is_named_in_one_line(
    instrumentor: FlaskInstrumentor,
    telemetry: Telemetry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(VARIABLE, "yes")

    with caplog.at_level(logging.WARNING):
        assert names(instrumentor, telemetry)[1] == "GET /nowhere/1"

    # The line is logged once for the life of the process, by whichever parameter runs first.
    lines = [record.getMessage() for record in caplog.records if VARIABLE in record.getMessage()]
    assert lines in ([], [f"otel-rs: {VARIABLE} is 'yes': expected true or false; false is used"])
