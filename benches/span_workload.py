"""The process that is measured for the SDK alone: spans through the Python API, without any instrumentation.

Prints what ``workload.py`` prints, per span: a span that is current in its block, with four attributes at its start.
``--bare`` runs the same block without a tracer.
"""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from typing import Any

from workload import measured

_ATTRIBUTES: dict[str, Any] = {"user.id": 17, "cache.hit": True, "db.system": "postgresql", "ratio": 0.25}


def drive(number: int) -> None:
    """Makes `number` spans."""
    from opentelemetry import trace

    tracer = trace.get_tracer("bench")
    for _ in range(number):
        with tracer.start_as_current_span("work", attributes=_ATTRIBUTES):
            pass


def drive_bare(number: int) -> None:
    """Runs as many empty blocks."""
    for _ in range(number):
        with nullcontext(_ATTRIBUTES):
            pass


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--warm-up", type=int, required=True)
    parser.add_argument("--bare", action="store_true")
    options = parser.parse_args()
    measured(drive_bare if options.bare else drive, options.requests, options.warm_up)


if __name__ == "__main__":
    main()
