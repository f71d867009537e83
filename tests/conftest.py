"""Fixtures that several suites use."""

from collections.abc import Iterator

import pytest

from support.oteltap_receiver import OtelTapReceiver
from support.otlp_receiver import OtlpReceiver


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
