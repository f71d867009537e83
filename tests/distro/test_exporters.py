"""Exporter names in OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER and OTEL_LOGS_EXPORTER."""

from pathlib import Path

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
        ("none,none", []),
        ("logging", ["console"]),
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
        ("zipkon", ["otlp"], ("'zipkon'", "console", "none", "using otlp")),
        ("console,zipkon", ["console", "otlp"], ("'zipkon'", "using otlp")),
        ("a,b,c", ["otlp"], ("'a,b,c'", "using otlp")),
        # Nobody who asks for these expects the telemetry at a collector on localhost.
        ("zipkin", [], ("'zipkin'", "using none", "traces are not exported", "OTEL_PYTHON_DISTRO")),
        ("Jaeger", [], ("'jaeger'", "using none")),
        ("console,prometheus", ["console"], ("'prometheus'", "using console", "without it")),
        ("zipkin,jaeger", [], ("'zipkin,jaeger'", "using none")),
        ("otlp_proto_grpc", ["otlp"], ("otlp_proto_grpc", "http/protobuf")),
        ("none,console", ["console"], ("'none' is ignored",)),
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
    assert record.message.startswith("otel-rs: ")
    assert all(word in record.message for word in (TRACES, *words))
    assert len(record.message) < 400


@pytest.mark.parametrize(
    ("variable", "group"),
    [(TRACES, "opentelemetry_traces_exporter"), (METRICS, "opentelemetry_metrics_exporter")],
)
def test_an_exporter_that_a_package_offers_is_no_misspelling(
    variable: str,
    group: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    metadata = tmp_path / "vendor-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: vendor\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{group}]\nvendor_cloud = vendor:Exporter\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(variable, "vendor_cloud")
    assert exporter_names(variable) == []
    [record] = caplog.records
    assert all(word in record.message for word in (variable, "'vendor_cloud'", "using none", "not exported"))


@pytest.mark.parametrize(("value", "warnings"), [(None, 0), ("", 0), ("none", 0), ("otlp", 1), ("console,otlp", 1)])
def test_logs(
    value: str | None, warnings: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("OTEL_LOGS_EXPORTER", raising=False)
    if value is not None:
        monkeypatch.setenv("OTEL_LOGS_EXPORTER", value)
    report_logs_exporter()
    assert len(caplog.records) == warnings
