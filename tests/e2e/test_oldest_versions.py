"""The plugins with the oldest Flask, asgiref and OpenTelemetry API that they accept."""

import json
from pathlib import Path

import pytest

from support.environments import OLDEST_PINS, PLUGIN, environment

APPS = Path(__file__).parent / "apps"
APPLICATION = APPS / "oldest_versions.py"


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


@pytest.mark.parametrize("sdk", ["opentelemetry-sdk", "otel-rs-sdk"])
def test_bridges_and_calls_over_them(sdk: str) -> None:
    """In this asgiref the function ``async_to_sync`` is the class ``AsyncToSync``."""
    oldest = environment("asgiref", sdk, "otel-rs-instr-asgiref", pins=OLDEST_PINS)
    module = {"opentelemetry-sdk": "opentelemetry.sdk.trace", "otel-rs-sdk": "otel_rs_sdk"}[sdk]

    result = oldest.run(str(APPS / "oldest_asgiref.py"), module, variables={"OTEL_RS_ASGIREF_CALLS_ENABLED": "true"})

    assert result.returncode == 0, result.stderr
    spans = [json.loads(line) for line in result.stdout.splitlines()]
    parents = {span["id"]: span["name"] for span in spans}
    durations = ["asgiref.run.duration", "asgiref.wait.duration"]
    assert [(span["name"], parents.get(span["parent"]), span["attributes"], span["events"]) for span in spans] == [
        ("asgiref.sync.async_to_sync", "outer", [], ["exception"]),
        ("asgiref.sync.sync_to_async", "async_to_sync coroutine", [], ["exception"]),
        ("sync_to_async function", "async_to_sync coroutine", durations, []),
        ("async_to_sync coroutine", "outer", durations, []),
        ("outer", None, [], []),
    ]
    assert [span["name"] for span in spans if span["is_inside"]] == ["sync_to_async function"]
