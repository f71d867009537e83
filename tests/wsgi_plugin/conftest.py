"""The middleware on the stock SDK and on ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from otel_rs_instr_wsgi import OpenTelemetryMiddleware

from parity.wsgi_client import Application
from support.telemetry import Telemetry

Wrap = Callable[..., Application]


@pytest.fixture(params=["stock-sdk", "native"])
def telemetry(request: pytest.FixtureRequest) -> Iterator[Telemetry]:
    """New providers; nothing is current when the test is over."""
    telemetry = Telemetry(native=request.param == "native")
    yield telemetry
    telemetry.tracer_provider.shutdown()
    telemetry.meter_provider.shutdown()
    assert trace.get_current_span() is trace.INVALID_SPAN


@pytest.fixture
def wrap(telemetry: Telemetry) -> Wrap:
    """Puts a middleware with the test's providers around an application."""

    def wrap(application: Application, **options: Any) -> Application:
        wrapped: Any = OpenTelemetryMiddleware(application, **telemetry.providers, **options)
        return wrapped  # type: ignore[no-any-return]

    return wrap
