"""The plugin without any SDK: the application works, and one line says what is missing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support.environments import Environment
from support.gunicorn import Gunicorn
from support.http_client import Request, send_all


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, 1),
        ({"OTEL_SDK_DISABLED": "true"}, 0),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}, 0),
    ],
    ids=["unset", "disabled", "exporters-none"],
)
def test_warning(
    variables: dict[str, str], expected: int, setup_environment: Callable[[str], Environment], tmp_path: Path
) -> None:
    place = setup_environment("plugin-only")
    with Gunicorn(place, "shop:app", tmp_path, variables=variables) as server:
        responses = send_all(server.port, [Request(f"/items/{number}") for number in range(5)])
        server.terminate()

    assert [(response.status, response.body) for response in responses] == [
        (200, f"item {number}".encode()) for number in range(5)
    ]
    assert sum("otel-rs-distro" in line for line in server.log.splitlines()) == expected, server.log
    assert "Traceback" not in server.log
