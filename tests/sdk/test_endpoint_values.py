"""Endpoints as people write them: the host that is named gets the telemetry, and a line says what is used."""

import logging

import otel_rs_sdk
import pytest

from support.otlp_receiver import OtlpReceiver

GENERAL = "OTEL_EXPORTER_OTLP_ENDPOINT"
OWN = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


def lines_about(variable: str, value: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    """What is logged when a span is exported with ``variable`` set to ``value``."""
    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.INFO):
        patch.setenv(variable, value)
        provider = otel_rs_sdk.TracerProvider()
        provider.add_span_processor(otel_rs_sdk.BatchSpanProcessor(otel_rs_sdk.OTLPSpanExporter()))
    provider.get_tracer("t").start_span("s").end()
    provider.shutdown()
    otel_rs_sdk._native.log_diagnostics()
    return [record.getMessage() for record in caplog.records if variable in record.getMessage()]


@pytest.mark.parametrize(
    ("variable", "written", "path"),
    [
        (GENERAL, "{host}", "/v1/traces"),
        (GENERAL, "//{host}/", "/v1/traces"),
        (GENERAL, "{host}/otlp", "/otlp/v1/traces"),
        (GENERAL, "'http://{host}'", "/v1/traces"),
        (OWN, "{host}/v1/traces", "/v1/traces"),
        (OWN, "HTTP:/{host}/spans\n", "/spans"),
    ],
)
@pytest.mark.usefixtures("fresh_diagnostics")
def test_the_named_host_gets_it(
    variable: str, written: str, path: str, receiver: OtlpReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    value = written.format(host=receiver.endpoint.removeprefix("http://"))
    lines = lines_about(variable, value, caplog)
    assert receiver.paths == [path]
    # One a minute of each variable.
    assert len(lines) <= 1
    assert all(line.startswith("otel-rs: ") and f"using {receiver.endpoint}" in line for line in lines)


@pytest.mark.parametrize("written", ["{endpoint}", " {endpoint}\n", "{endpoint}/"])
@pytest.mark.usefixtures("fresh_diagnostics")
def test_a_url_needs_no_word(written: str, receiver: OtlpReceiver, caplog: pytest.LogCaptureFixture) -> None:
    assert lines_about(GENERAL, written.format(endpoint=receiver.endpoint), caplog) == []
    assert receiver.paths == ["/v1/traces"]
