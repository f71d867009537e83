"""Wrong settings: the application answers as ever, nothing is lost that can be sent, and a line says what to change."""

from pathlib import Path

import pytest

from support.environments import Environment
from support.gunicorn import Gunicorn
from support.http_client import Request, send_all
from support.otlp_receiver import OtlpReceiver
from support.settings import otlp

REQUESTS = 10
# gunicorn's default; an orchestrator gives a container as long.
EXIT_SECONDS = 28.0


def serve(place: Environment, folder: Path, variables: dict[str, str]) -> tuple[str, float]:
    """Serves a few requests, checks the answers and returns the log and the seconds that the exit took."""
    with Gunicorn(place, "shop:app", folder, variables=variables) as server:
        responses = send_all(server.port, [Request(f"/items/{number}") for number in range(REQUESTS)])
        seconds = server.terminate()
    assert [(response.status, response.body) for response in responses] == [
        (200, f"item {number}".encode()) for number in range(REQUESTS)
    ]
    assert "Traceback" not in server.log, server.log
    return server.log, seconds


def lines_with(log: str, *words: str) -> list[str]:
    """The lines of ``log`` that have all ``words``."""
    return [line for line in log.splitlines() if all(word in line for word in words)]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkon"}, ("OTEL_TRACES_EXPORTER", "zipkon", "otlp")),
        ({"OTEL_METRICS_EXPORTER": "prometheuz"}, ("OTEL_METRICS_EXPORTER", "prometheuz", "otlp")),
        ({"OTEL_LOGS_EXPORTER": "otlp"}, ("OTEL_LOGS_EXPORTER", "otlp", "not supported")),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "pigeon"}, ("OTEL_EXPORTER_OTLP_PROTOCOL", "pigeon")),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf")),
        ({"OTEL_TRACES_SAMPLER": "sometimes"}, ("OTEL_TRACES_SAMPLER", "sometimes")),
        ({"OTEL_BSP_SCHEDULE_DELAY": "soon"}, ("OTEL_BSP_SCHEDULE_DELAY", "soon")),
        ({"OTEL_PYTHON_ID_GENERATOR": "xray"}, ("OTEL_PYTHON_ID_GENERATOR",)),
    ],
    ids=lambda value: next(iter(value)) + "=" + next(iter(value.values())) if isinstance(value, dict) else "",
)
def test_unknown_value_is_named_and_nothing_is_lost(
    variables: dict[str, str], words: tuple[str, ...], native: Environment, receiver: OtlpReceiver, tmp_path: Path
) -> None:
    log, _ = serve(native, tmp_path, otlp(receiver.endpoint) | variables)
    assert len(lines_with(log, *words)) == 1, log
    assert len(receiver.server_spans()) == REQUESTS
    assert sum(point.count for point in receiver.latest_points("http.server.duration")) == REQUESTS


@pytest.mark.parametrize(
    ("variable", "value", "others"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin", "/v1/metrics"),
        ("OTEL_TRACES_EXPORTER", "jaeger", "/v1/metrics"),
        ("OTEL_METRICS_EXPORTER", "prometheus", "/v1/traces"),
    ],
)
def test_an_exporter_that_is_not_ours_costs_its_signal_alone(
    variable: str, value: str, others: str, native: Environment, receiver: OtlpReceiver, tmp_path: Path
) -> None:
    log, _ = serve(native, tmp_path, otlp(receiver.endpoint, **{variable: value}))
    [line] = lines_with(log, variable)
    assert line.startswith(f"otel-rs: {variable} is '{value}'; ")
    assert "using none" in line
    assert set(receiver.paths) == {others}


@pytest.mark.parametrize("written", ["{host}", "//{host}", "'http://{host}/'"])
def test_an_endpoint_without_a_scheme(
    written: str, native: Environment, receiver: OtlpReceiver, tmp_path: Path
) -> None:
    value = written.format(host=receiver.endpoint.removeprefix("http://"))
    log, _ = serve(native, tmp_path, otlp(value))
    [line] = lines_with(log, "OTEL_EXPORTER_OTLP_ENDPOINT")
    assert line.startswith("otel-rs: ")
    assert f"using {receiver.endpoint}" in line
    assert len(receiver.server_spans()) == REQUESTS


@pytest.mark.parametrize("endpoint", ["collector", "http://[::1", "ftp://127.0.0.1:4318", "http://127.0.0.1:port"])
def test_malformed_endpoint(endpoint: str, native: Environment, tmp_path: Path) -> None:
    log, seconds = serve(native, tmp_path, otlp(endpoint))
    assert lines_with(log, "OTEL_EXPORTER_OTLP_ENDPOINT") or lines_with(log, endpoint), log
    assert seconds < EXIT_SECONDS


def test_credentials_in_the_endpoint_are_not_logged(native: Environment, tmp_path: Path) -> None:
    log, _ = serve(native, tmp_path, otlp("http://user:sesame@127.0.0.1:port"))
    assert "sesame" not in log


def test_grpc_port_without_a_protocol(native: Environment, tmp_path: Path) -> None:
    """Stock speaks gRPC by default, so its users have 4317 in their settings."""
    variables = otlp("http://127.0.0.1:4317")
    del variables["OTEL_EXPORTER_OTLP_PROTOCOL"]
    log, _ = serve(native, tmp_path, variables)
    assert len(lines_with(log, "4317", "http/protobuf")) == 1, log


def test_unreachable_collector(native: Environment, tmp_path: Path) -> None:
    # Port 1 of the loopback interface: refused at once.
    log, seconds = serve(native, tmp_path, otlp("http://127.0.0.1:1"))
    assert seconds < EXIT_SECONDS
    # Few lines, however many exports fail.
    assert 1 <= len(lines_with(log, "127.0.0.1:1/v1/")) <= 4, log


@pytest.mark.parametrize("status", [400, 404, 503])
def test_collector_that_refuses(status: int, native: Environment, receiver: OtlpReceiver, tmp_path: Path) -> None:
    receiver.status = status
    log, seconds = serve(native, tmp_path, otlp(receiver.endpoint))
    assert seconds < EXIT_SECONDS
    assert lines_with(log, str(status)), log


def test_hanging_collector(native: Environment, receiver: OtlpReceiver, tmp_path: Path) -> None:
    receiver.hang = True
    log, seconds = serve(native, tmp_path, otlp(receiver.endpoint))
    assert receiver.paths, "nothing was sent"
    assert seconds < EXIT_SECONDS, log


def test_disabled(native: Environment, receiver: OtlpReceiver, tmp_path: Path) -> None:
    log, _ = serve(native, tmp_path, otlp(receiver.endpoint, OTEL_SDK_DISABLED="true"))
    assert receiver.paths == []
    assert "otel" not in log.lower().replace(str(native.path).lower(), "")
