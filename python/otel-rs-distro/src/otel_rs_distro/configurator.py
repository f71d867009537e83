"""The ``opentelemetry_configurator`` entry point: the native SDK, set up from ``OTEL_*`` variables."""

from collections.abc import Callable
from logging import DEBUG, getLogger
from os import environ
from typing import Any, ClassVar

from otel_rs_distro import choice
from otel_rs_distro.exporters import METRICS, TRACES, exporter_names, report_logs_exporter
from otel_rs_distro.extensions import configured_id_generator, configured_sampler
from otel_rs_distro.unsupported import report_unsupported_variables
from otel_rs_distro.version import __version__

_logger = getLogger(__name__)


class OtelRsConfigurator:
    """Makes the native SDK the global tracer and meter provider.

    The SDK reads by itself the variables that concern one of its parts alone (``OTEL_EXPORTER_OTLP_*``, ``OTEL_BSP_*``,
    ``OTEL_METRIC_EXPORT_*``, the limits). Nothing raises out of ``configure``: what cannot be set up is logged and left
    out, and the application runs without it.
    """

    has_run: ClassVar[bool] = False
    """Whether this configurator, and not another one, was chosen in this process."""

    def configure(self, **kwargs: Any) -> None:
        """Configures tracing and metrics; the launcher passes ``auto_instrumentation_version``."""
        type(self).has_run = True
        choice.forget()
        try:
            if _is_disabled() or not _is_native():
                return
            self._configure(**kwargs)
        except Exception as error:
            _report_failure("OpenTelemetry", "telemetry", error)

    def _configure(self, auto_instrumentation_version: str | None = None, **_: Any) -> None:
        _guarded("the check of variables", report_unsupported_variables)
        _guarded("logs", report_logs_exporter)
        resource = _resource(auto_instrumentation_version)
        _guarded("tracing", _configure_tracing, resource)
        _guarded("metrics", _configure_metrics, resource)
        _guarded("the export on SIGTERM", _export_on_sigterm)


def _guarded(what: str, configure: Callable[..., None], *arguments: Any) -> None:
    try:
        configure(*arguments)
    except Exception as error:
        _report_failure(what, "it", error)


def _report_failure(what: str, lost: str, error: Exception) -> None:
    """One line; the traceback is for those who ask for it."""
    _logger.error(
        "otel-rs: configuring %s failed (%s: %.200s); the application runs without %s; level DEBUG of the logger %s "
        "shows where",
        what,
        type(error).__name__,
        " ".join(str(error).split()),
        lost,
        __name__,
        exc_info=error if _logger.isEnabledFor(DEBUG) else None,
    )


def _is_disabled() -> bool:
    """``OTEL_SDK_DISABLED``; nothing but ``true`` disables. The providers name a value that is no boolean."""
    return environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def _is_native() -> bool:
    """False in an interpreter that cannot have the SDK, which has said so."""
    from otel_rs_sdk._interpreter import IS_NATIVE

    return IS_NATIVE


def _resource(auto_instrumentation_version: str | None) -> Any:
    from otel_rs_sdk import Resource

    attributes = {"telemetry.distro.name": "otel-rs-distro", "telemetry.distro.version": __version__}
    if auto_instrumentation_version:
        attributes["telemetry.auto.version"] = auto_instrumentation_version
    return Resource.create(attributes)


def _configure_tracing(resource: Any) -> None:
    from opentelemetry.trace import set_tracer_provider
    from otel_rs_sdk import (
        BatchSpanProcessor,
        ConsoleSpanExporter,
        OTLPSpanExporter,
        TracerProvider,
    )

    # Without an exporter the provider is set nevertheless, as the stock SDK does: spans still have ids, which reach
    # the next service and the application's logs.
    provider = TracerProvider(sampler=configured_sampler(), resource=resource, id_generator=configured_id_generator())
    exporters = {"otlp": OTLPSpanExporter, "console": ConsoleSpanExporter}
    for name in exporter_names(TRACES):
        _guarded(f"the {name} span exporter", _add, provider.add_span_processor, BatchSpanProcessor, exporters[name])
    set_tracer_provider(provider)


def _configure_metrics(resource: Any) -> None:
    from opentelemetry.metrics import set_meter_provider
    from otel_rs_sdk import (
        ConsoleMetricExporter,
        MeterProvider,
        OTLPMetricExporter,
        PeriodicExportingMetricReader,
    )

    exporters = {"otlp": OTLPMetricExporter, "console": ConsoleMetricExporter}
    readers: list[Any] = []
    for name in exporter_names(METRICS):
        _guarded(f"the {name} metric exporter", _add, readers.append, PeriodicExportingMetricReader, exporters[name])
    set_meter_provider(MeterProvider(metric_readers=readers, resource=resource))


def _export_on_sigterm() -> None:
    from otel_rs_sdk import export_on_sigterm

    export_on_sigterm()


def _add(add: Callable[[Any], None], processor: Callable[[Any], Any], exporter: Callable[[], Any]) -> None:
    add(processor(exporter()))
