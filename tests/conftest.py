"""Fixtures that several suites use."""

from collections.abc import Iterator

import pytest
from opentelemetry import trace

from support.oteltap_receiver import OtelTapReceiver
from support.otlp_receiver import OtlpReceiver
from support.telemetry import Telemetry


@pytest.fixture(params=["stock-sdk", "native"])
def telemetry(request: pytest.FixtureRequest) -> Iterator[Telemetry]:
    """New providers of the stock SDK, or of ours; nothing is current when the test is over."""
    with Telemetry(native=request.param == "native") as telemetry:
        yield telemetry
    assert trace.get_current_span() is trace.INVALID_SPAN


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """An OTLP receiver that keeps what it is sent and can misbehave."""
    with OtlpReceiver() as receiver:
        yield receiver


@pytest.fixture
def oteltap() -> Iterator[OtelTapReceiver]:
    """oteltap, with a receiver behind it that keeps resource and scope too."""
    with OtelTapReceiver() as receiver:
        yield receiver
