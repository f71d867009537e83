"""The plugin in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from otel_rs_instr_flask import FlaskInstrumentor, _native


@pytest.fixture
def instrumentor() -> Iterator[FlaskInstrumentor]:
    """The instrumentor, uninstrumented in the end."""
    instrumentor = FlaskInstrumentor()
    yield instrumentor
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()
    assert _native.panics() == 0
