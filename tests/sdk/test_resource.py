"""``Resource.create`` against the stock one, from the same environment."""

from __future__ import annotations

import os
from typing import Any

import otel_rs_sdk
import pytest
from opentelemetry.sdk.resources import Resource as StockResource

from sdk.two_sdks import run

OURS = {"telemetry.distro.name", "telemetry.distro.version"}


def created(resource_class: Any, *arguments: Any) -> dict[str, Any]:
    """The attributes, without those that only ours has and the one that is random."""
    attributes = dict(resource_class.create(*arguments).attributes)
    assert len(attributes.pop("service.instance.id")) == 36
    return {key: value for key, value in attributes.items() if key not in OURS}


@pytest.mark.parametrize(
    ("variables", "arguments"),
    [
        ({}, ()),
        ({}, ({"a": 1, "b": [1.5, 2], "c": True, "service.name": "code"},)),
        ({}, ({"service.name": ""},)),
        ({"OTEL_SERVICE_NAME": "named"}, ()),
        ({"OTEL_SERVICE_NAME": "named"}, ({"service.name": "code"},)),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=listed,a=b%20c, d = e%2Cf ,g=h=i"}, ({"a": "code"},)),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=listed", "OTEL_SERVICE_NAME": "named"}, ()),
    ],
)
def test_the_attributes_are_those_of_the_stock_resource(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], arguments: tuple[Any, ...]
) -> None:
    for name in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ours = created(otel_rs_sdk.Resource, *arguments)
    assert ours == created(StockResource, *arguments)
    assert list(ours) == list(created(StockResource, *arguments))


def test_the_distribution_is_named() -> None:
    attributes = otel_rs_sdk.Resource.create().attributes
    assert attributes["telemetry.distro.name"] == "otel-rs"


def test_an_item_without_a_value_is_left_out_with_one_line() -> None:
    environment = {"OTEL_RESOURCE_ATTRIBUTES": "a=1,broken,b=2,"}
    program = """
import otel_rs_sdk
attributes = otel_rs_sdk.Resource.create().attributes
assert (attributes["a"], attributes["b"]) == ("1", "2")
otel_rs_sdk._native.log_diagnostics()
"""
    log = run(program, environment)
    assert log.count("\n") == 1
    assert 'OTEL_RESOURCE_ATTRIBUTES has 1 item(s) without "="' in log


def test_the_instance_is_one_per_process() -> None:
    create = otel_rs_sdk.Resource.create
    assert create().attributes["service.instance.id"] == create().attributes["service.instance.id"]
    program = """
import os, otel_rs_sdk
provider = otel_rs_sdk.TracerProvider(shutdown_on_exit=False)
mine = provider.resource.attributes["service.instance.id"]
child = os.fork()
if child == 0:
    other = provider.resource.attributes["service.instance.id"]
    os._exit(0 if other != mine and len(other) == 36 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert provider.resource.attributes["service.instance.id"] == mine
"""
    run(program, os.environ)


def test_resources_merge_as_the_stock_ones() -> None:
    classes: list[Any] = [otel_rs_sdk.Resource, StockResource]
    for resource_class in classes:
        one = resource_class({"a": 1, "b": 2}, "")
        merged = one.merge(resource_class({"a": 3, "c": 4}, "url"))
        assert dict(merged.attributes) == {"a": 3, "b": 2, "c": 4}
        assert merged.schema_url == "url"
        conflicting = merged.merge(resource_class({"a": 9}, "other"))
        assert dict(conflicting.attributes) == dict(merged.attributes)
