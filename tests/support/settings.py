"""The ``OTEL_*`` variables of an application under test."""

SERVICE = "shop"
PLUGIN_SCOPE = "opentelemetry.instrumentation.flask"


def otlp(endpoint: str, **variables: str) -> dict[str, str]:
    """OTLP over HTTP to ``endpoint``, as the service ``shop``."""
    return {
        "OTEL_SERVICE_NAME": SERVICE,
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        **variables,
    }
