"""Fixtures of the native tracer provider's tests."""

from collections.abc import Iterator

import otel_rs_sdk
import pytest
from otel_rs_sdk import Tracer

from sdk.recording import Recorder, provider


@pytest.fixture
def recorder() -> Recorder:
    """A processor that keeps spans."""
    return Recorder()


@pytest.fixture
def tracer(recorder: Recorder) -> Tracer:
    """A tracer whose spans the recorder keeps."""
    provider_ = provider()
    provider_.add_span_processor(recorder)
    tracer = provider_.get_tracer("scope")
    assert isinstance(tracer, Tracer)
    return tracer


@pytest.fixture
def fresh_diagnostics() -> Iterator[None]:
    """What export threads had to say before and after does not reach the test's log."""
    otel_rs_sdk._native.log_diagnostics()
    yield
    otel_rs_sdk._native.log_diagnostics()
