"""The plugin in this process."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import flask
import pytest
from flask import Flask
from otel_rs_instr_flask import FlaskInstrumentor, _native


@pytest.fixture
def bare() -> None:
    """Nothing is instrumented, no application of another test's either."""
    for app in gc.get_objects():
        if isinstance(app, Flask) and "_otel_rs_settings" in vars(app):
            FlaskInstrumentor.uninstrument_app(app)
    # One that is gone leaves what it has needed to the next that goes.
    FlaskInstrumentor().instrument()
    FlaskInstrumentor().uninstrument()


@pytest.fixture
def instrumentor() -> Iterator[FlaskInstrumentor]:
    """The instrumentor, uninstrumented in the end. A test leaves Flask as it was, for whatever runs next."""
    instrumentor = FlaskInstrumentor()
    before = dict(vars(flask.Flask))
    yield instrumentor
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()
    after = vars(flask.Flask)
    assert [name for name in before | after if before.get(name) is not after.get(name)] == []
    assert _native.panics() == 0
