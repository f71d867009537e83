"""``OTEL_SDK_DISABLED`` where a program makes its providers itself."""

from __future__ import annotations

import pytest

from sdk.two_sdks import Sdk, both_sdks, run

TRACER = "otel_rs_sdk.TracerProvider(); otel_rs_sdk.TracerProvider()"
METER = "otel_rs_sdk.MeterProvider()"


@pytest.mark.parametrize("program", [TRACER, METER, f"{TRACER}; {METER}"])
@pytest.mark.parametrize("value", ["1", "yes"])
def test_a_value_that_does_not_disable_is_one_line(program: str, value: str) -> None:
    log = run(f"import otel_rs_sdk; {program}", {"OTEL_SDK_DISABLED": value})
    assert log == (
        f"WARNING otel-rs: OTEL_SDK_DISABLED is '{value}'; expected true or false; using false, the SDK stays enabled\n"
    )


@pytest.mark.parametrize("value", ["", " ", "true", "FALSE\n"])
def test_others_are_none(value: str) -> None:
    assert run(f"import otel_rs_sdk; {TRACER}; {METER}", {"OTEL_SDK_DISABLED": value}) == ""


@both_sdks
@pytest.mark.parametrize(("value", "enabled"), [("1", True), ("yes", True), ("True", False), (" true ", False)])
def test_what_disables(sdk: Sdk, value: str, enabled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", value)
    provider = sdk.TracerProvider(shutdown_on_exit=False)
    assert provider.get_tracer("scope").start_span("span").is_recording() is enabled
