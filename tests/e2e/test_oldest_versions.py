"""The plugins with the oldest Flask and the oldest OpenTelemetry API that they accept."""

import json
from pathlib import Path

import pytest

from support.environments import OLDEST_PINS, PLUGIN, environment

APPLICATION = Path(__file__).parent / "apps" / "oldest_versions.py"


@pytest.mark.parametrize("sdk", ["opentelemetry-sdk", "otel-rs-sdk"])
def test_requests_are_traced(sdk: str) -> None:
    oldest = environment("flask", sdk, *PLUGIN, pins=OLDEST_PINS)

    result = oldest.run(str(APPLICATION), sdk.replace("-", "_"))

    assert result.returncode == 0, result.stderr
    spans = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(span["name"], span["status_code"]) for span in spans] == [
        ("GET /hello/<name>", 200),
        ("GET /boom", 500),
        ("GET /nope", 404),
        ("GET /stream", 200),
    ]
    assert spans[0]["parent"] == "b7ad6b7169203331"
    assert [span["answer"] for span in spans] == ["hello you True b", None, None, "TrueTrueTrue"]
