"""The package of the same name that others wrote, beside ours: one of the two instruments, ours."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asgiref.sync
import pytest
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from asgiref_plugin.conftest import Instrument
from asgiref_plugin.reference import ReferenceInstrumentor
from support.environments import ROOT, Environment
from support.otlp_receiver import OtlpReceiver
from support.settings import otlp
from support.telemetry import Telemetry

PROGRAM = "from asgiref.sync import async_to_sync, sync_to_async; sync_to_async(len); async_to_sync(sync_to_async(len))"


@pytest.fixture
def stock() -> Iterator[Any]:
    """A module of that name with an instrumentor, which is on no index to install it from."""

    class AsgirefInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # the base class is not typed
        """Does what that one does."""

        reference = ReferenceInstrumentor()

        def instrumentation_dependencies(self) -> list[str]:
            """None that could conflict."""
            return []

        def _instrument(self, **options: Any) -> None:
            self.reference.instrument(**options)

        def _uninstrument(self, **options: Any) -> None:
            self.reference.uninstrument()

    name = "opentelemetry.instrumentation.asgiref"
    AsgirefInstrumentor.__module__ = name
    module: Any = types.ModuleType(name)
    module.AsgirefInstrumentor = AsgirefInstrumentor
    sys.modules[name] = module
    instrumentor = AsgirefInstrumentor()
    yield instrumentor
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()
    del sys.modules[name]


@pytest.mark.parametrize("implementation", ["stock-sdk", "native"], indirect=True)
@pytest.mark.parametrize("ours_first", [True, False])
def test_each_bridge_has_one_span(instrument: Instrument, telemetry: Telemetry, stock: Any, ours_first: bool) -> None:
    starts = [instrument, lambda: stock.instrument(tracer_provider=telemetry.tracer_provider)]
    for start in starts if ours_first else reversed(starts):
        start()
    asgiref.sync.sync_to_async(len)
    span = telemetry.span()
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.version


@pytest.mark.parametrize(
    ("distro", "configurator"), [("distro", "configurator"), ("otel_rs", "otel_rs")], ids=["stock-sdk", "native"]
)
def test_found_by_the_stock_launcher(distro: str, configurator: str, receiver: OtlpReceiver) -> None:
    environment = Environment(Path(sys.prefix))
    variables = {
        "OTEL_PYTHON_DISTRO": distro,
        "OTEL_PYTHON_CONFIGURATOR": configurator,
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    result = subprocess.run(
        [environment.command("opentelemetry-instrument"), environment.python, "-c", PROGRAM],
        env=environment.variables(**otlp(receiver.endpoint), **variables),
        cwd=ROOT / "tests",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert [span.name for span in receiver.spans] == [
        "asgiref.sync.sync_to_async",
        "asgiref.sync.sync_to_async",
        "asgiref.sync.async_to_sync",
    ]
