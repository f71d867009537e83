"""Thousands of generated requests: ours against stock, and against the bare application where stock itself fails."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from parity.compare import differences
from parity.conftest import COUNT, SEED
from parity.deviations import OURS, unexplained
from parity.features import count_features, table
from parity.generator import HOSTILE, SHAPES, Batch, batches
from parity.runs import Run

BATCHES = batches(SEED, COUNT)
COMPARED = [batch for batch in BATCHES if batch.shape not in HOSTILE]
HOSTILE_BATCHES = [batch for batch in BATCHES if batch.shape in HOSTILE]
SHOWN = 40

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(params=OURS)
def ours(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_ours_is_stock(ours: str, convention: str, run_generated: Callable[[str, str], Run]) -> None:
    expected, actual = run_generated("stock", convention), run_generated(ours, convention)
    found = [
        f"{batch.label}: {line}"
        for batch in COMPARED
        for line in unexplained(batch.label, ours, convention, differences(expected[batch.label], actual[batch.label]))
    ]
    assert not found, f"{len(found)} differences\n" + "\n".join(found[:SHOWN])


def test_the_client_gets_what_the_bare_application_answers(
    ours: str, convention: str, run_generated: Callable[[str, str], Run]
) -> None:
    bare, actual = run_generated("bare", "old"), run_generated(ours, convention)
    for batch in BATCHES:
        if batch.shape.endswith("hooks"):
            continue  # a hook adds a header
        found = list(differences(bare[batch.label]["answers"], actual[batch.label]["answers"]))
        assert not found, "\n".join([batch.label, *found[:SHOWN]])


@pytest.mark.parametrize("hostile", HOSTILE_BATCHES, ids=lambda batch: batch.shape)
def test_what_stock_does_not_survive_is_traced_all_the_same(
    hostile: Batch, ours: str, convention: str, run_generated: Callable[[str, str], Run]
) -> None:
    actual = run_generated(ours, convention)[hostile.label]
    servers = [span for span in actual["spans"] if span["kind"] == "SERVER"]
    traced = {span["attributes"].get("test.case") for span in servers}
    sampled = {str(case.number) for case in hostile.cases if case.headers.get("traceparent", "")[-2:] != "00"}
    assert traced >= sampled
    assert len(servers) == len(traced)
    for name, metric in actual["metrics"].items():
        points = metric["points"].values()
        if name.endswith("active_requests"):
            assert all(point["value"] == 0 for point in points), points
        else:
            assert sum(point["count"] for point in points) == len(hostile.cases)


@pytest.mark.parametrize("hostile", HOSTILE_BATCHES, ids=lambda batch: batch.shape)
def test_both_of_ours_agree_on_what_stock_does_not_survive(
    hostile: Batch, convention: str, run_generated: Callable[[str, str], Run]
) -> None:
    one, other = (run_generated(stack, convention)[hostile.label] for stack in OURS)
    found = unexplained(hostile.label, "ours-native", convention, differences(one, other))
    assert not found, "\n".join(found[:SHOWN])


@pytest.mark.parametrize("batch", COMPARED[: len(SHAPES)], ids=lambda batch: batch.shape)
def test_a_planted_fault_is_found(batch: Batch, run_generated: Callable[[str, str], Run]) -> None:
    """One wrong thing among the requests of a batch: a byte of an answer, a span's status, an attribute, a count."""
    record = run_generated("stock", "both")[batch.label]
    place = len(batch.cases) // 2

    def break_answer(record: dict[str, Any]) -> None:
        record["answers"][place]["body"] = f"{record['answers'][place]['body']}."

    def break_status(record: dict[str, Any]) -> None:
        record["spans"][place]["status"][0] = "OK"

    def break_attribute(record: dict[str, Any]) -> None:
        record["spans"][place]["attributes"]["planted"] = "1"

    def drop_span(record: dict[str, Any]) -> None:
        del record["spans"][-1]

    def break_count(record: dict[str, Any]) -> None:
        points = next(metric["points"] for name, metric in record["metrics"].items() if "duration" in name)
        next(iter(points.values()))["count"] += 1

    for plant in (break_answer, break_status, break_attribute, drop_span, break_count):
        faulty = copy.deepcopy(record)
        plant(faulty)
        found = unexplained(batch.label, "ours-native", "both", differences(record, faulty))
        assert len(found) == 1, (plant.__name__, found)


def test_the_requests_meet_what_they_should(
    run_generated: Callable[[str, str], Run], tell: Callable[[str], None]
) -> None:
    counts = count_features(COMPARED, run_generated("stock", "old").records)
    tell(f"generated requests (seed {SEED}), by feature:\n{table(counts)}")
    assert counts["requests"] == COUNT
    rare = {feature: count for feature, count in counts.items() if count < 5}
    assert not rare, f"met by too few requests: {rare}"
