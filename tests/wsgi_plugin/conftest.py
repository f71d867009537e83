"""The middleware on the stock SDK and on ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from otel_rs_instr_wsgi import OpenTelemetryMiddleware

from parity.wsgi_client import Application
from support.telemetry import Telemetry

Wrap = Callable[..., Application]


@pytest.fixture
def wrap(telemetry: Telemetry) -> Wrap:
    """Puts a middleware with the test's providers around an application."""

    def wrap(application: Application, **options: Any) -> Application:
        wrapped: Any = OpenTelemetryMiddleware(application, **telemetry.providers, **options)
        return wrapped  # type: ignore[no-any-return]

    return wrap
