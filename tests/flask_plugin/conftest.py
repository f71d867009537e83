"""The plugin in this process."""

from __future__ import annotations

from collections.abc import Iterator

import flask
import pytest
from otel_rs_instr_flask import FlaskInstrumentor, _native


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
