"""Runs scenarios or generated requests on one stack: ``python -m parity.worker STACK OUT JOB…``.

A job is the name of a scenario, ``generated:SEED:COUNT``, or ``MODULE:FUNCTION`` for a scenario of another suite. What
the application saw goes to the file OUT as JSON, the telemetry to ``OTEL_EXPORTER_OTLP_ENDPOINT``.
"""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from pathlib import Path
from typing import Any

from parity.bench import Bench, Scenario
from parity.generator import PREFIX, run_batches
from parity.scenarios import all_scenarios
from parity.stacks import BARE


def run(stack: str, jobs: list[str]) -> dict[str, Any]:
    """Runs each job on a bench of its own and returns the records by label."""
    scenarios = all_scenarios()
    records: dict[str, Any] = {}
    for job in jobs:
        if job.startswith(PREFIX):
            records.update(run_batches(stack, job))
            continue
        bench = Bench(stack, job)
        try:
            with bench:
                scenario = scenarios[job] if job in scenarios else _scenario_of(job)
                scenario(bench)
        except Exception:
            bench.note("the scenario failed: " + traceback.format_exc())
        records[job] = bench.record()
    return records


def _scenario_of(job: str) -> Scenario:
    module, _, function = job.partition(":")
    scenario: Scenario = getattr(importlib.import_module(module), function)
    return scenario


def require_one_instrumentation(stack: str) -> None:
    """Fails if this process has imported other instrumentations than the stack's."""
    stock = any(f"opentelemetry.instrumentation.{library}" in sys.modules for library in ("flask", "wsgi"))
    ours = any(f"otel_rs_instr_{library}" in sys.modules for library in ("flask", "wsgi"))
    expected = (stack == "stock", stack not in ("stock", BARE))
    assert (stock, ours) == expected, f"{stack}: stock imported: {stock}, ours imported: {ours}"


if __name__ == "__main__":
    records = run(sys.argv[1], sys.argv[3:])
    require_one_instrumentation(sys.argv[1])
    Path(sys.argv[2]).write_text(json.dumps(records))
