"""Variables that have no effect here."""

import pytest

from otel_rs_distro.unsupported import report_unsupported_variables


@pytest.mark.parametrize(
    ("variable", "value", "warnings"),
    [
        ("OTEL_CONFIG_FILE", "otel.yaml", 1),
        ("OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED", "true", 1),
        ("OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED", "False", 0),
        ("OTEL_CONFIG_FILE", "  ", 0),
        ("OTEL_PYTHON_TRACER_PROVIDER", "sdk_tracer_provider", 1),
        ("OTEL_PYTHON_METER_PROVIDER", "otel_rs", 0),
        ("OTEL_SEMCONV_STABILITY_OPT_IN", "htpp", 1),
        ("OTEL_SEMCONV_STABILITY_OPT_IN", "http/dup, database,,", 0),
    ],
)
def test_each_is_named_once(
    variable: str, value: str, warnings: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(variable, value)
    report_unsupported_variables()
    assert len(caplog.records) == warnings
    assert all(variable in record.message for record in caplog.records)
