"""Exporter names in OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER and OTEL_LOGS_EXPORTER."""

import pytest

from otel_rs_distro.exporters import METRICS, TRACES, exporter_names, report_logs_exporter


@pytest.mark.parametrize("variable", [TRACES, METRICS])
@pytest.mark.parametrize(
    ("value", "names"),
    [
        (None, ["otlp"]),
        ("", ["otlp"]),
        (" , ", ["otlp"]),
        ("otlp", ["otlp"]),
        ("OTLP ", ["otlp"]),
        ("otlp_proto_http", ["otlp"]),
        ("console", ["console"]),
        ("console,otlp", ["console", "otlp"]),
        ("otlp, otlp_proto_http", ["otlp"]),
        ("none", []),
        (" None ", []),
    ],
)
def test_known_names(
    variable: str,
    value: str | None,
    names: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if value is None:
        monkeypatch.delenv(variable, raising=False)
    else:
        monkeypatch.setenv(variable, value)
    assert exporter_names(variable) == names
    assert caplog.records == []


@pytest.mark.parametrize(
    ("value", "names", "words"),
    [
        ("zipkin", ["otlp"], ("'zipkin'", "console", "none", "using otlp")),
        ("console,zipkin", ["console", "otlp"], ("'zipkin'",)),
        ("otlp_proto_grpc", ["otlp"], ("otlp_proto_grpc", "http/protobuf")),
        ("none,console", ["console"], ("'none' is ignored",)),
        ("none,none", ["otlp"], ("'none' is ignored",)),
        ("x" * 5000, ["otlp"], ("'xxx",)),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_names_that_need_a_word(
    value: str,
    names: list[str],
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(TRACES, value)
    assert exporter_names(TRACES) == names
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert all(word in record.message for word in (TRACES, *words))
    assert len(record.message) < 300


@pytest.mark.parametrize(("value", "warnings"), [(None, 0), ("", 0), ("none", 0), ("otlp", 1), ("console,otlp", 1)])
def test_logs(
    value: str | None, warnings: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("OTEL_LOGS_EXPORTER", raising=False)
    if value is not None:
        monkeypatch.setenv("OTEL_LOGS_EXPORTER", value)
    report_logs_exporter()
    assert len(caplog.records) == warnings
