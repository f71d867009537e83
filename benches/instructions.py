"""Instructions per request and per span, counted by Valgrind's callgrind: what a change costs, on a busy machine too.

Every row runs twice, with ``--requests`` requests and with twice as many; the difference is what they took, all
threads, encoding and export included, start-up and exit excluded. With several ``--wheels`` the same rows run on each
folder, and the table has the ratio to the first: build the wheels of the older commit into a folder of their own and
name it first.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from run import HERE, ROWS, Row, command_of, sink, variables_of

from support.environments import dist, environment

WARM_UP = 200

WITHOUT_COLLECTIONS = (
    "import gc, os, runpy, sys; gc.disable(); del sys.argv[0]; sys.path.insert(0, os.path.dirname(sys.argv[0]));"
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)
"""Runs a script. A collection of everything that is alive costs as much as hundreds of requests, and whether one more
of them happens is chance."""

NAMES = ("bare", "native", "WSGI native", "task native", "span native")


def instructions(row: Row, requests: int, port: int) -> int:
    """Instructions of a whole process of `row`, which makes so many requests."""
    place = environment(*row.requirements)
    variables = variables_of(row, place, port, 2 * requests) | {
        "PYTHONHASHSEED": "0",
        # Nothing is exported by the clock: Valgrind makes time pass faster than it does.
        "OTEL_BSP_SCHEDULE_DELAY": "3600000",
        "OTEL_METRIC_EXPORT_INTERVAL": "3600000",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "60000",
    }
    counts = (f"--requests={requests}", f"--warm-up={WARM_UP}")
    command = command_of(row, place, "-c", WITHOUT_COLLECTIONS, str(HERE / row.script), *counts, *row.options)
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--trace-children=yes"]
    # The launcher is a script; the process that it starts takes its place.
    result = subprocess.run(
        [*valgrind, place.python, *command] if row.launcher else [*valgrind, *command],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    counted = re.findall(r"==(\d+)== Collected : (\d+)", result.stderr)
    if result.returncode or not counted:
        raise SystemExit(f"{row.name}: exit status {result.returncode}\n{result.stderr[-2000:]}")
    return max(int(number) for _, number in counted)


def main(arguments: Sequence[str] | None = None) -> None:
    """Counts and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--rows", default="", help="names, separated by commas; default: the native ones and bare")
    parser.add_argument(
        "--wheels", type=Path, action="append", help="a folder of wheels; may be given again; default: dist"
    )
    options = parser.parse_args(arguments)

    folders = [folder.resolve() for folder in options.wheels or [dist()]]
    names = options.rows.split(",") if options.rows else NAMES
    rows = [row for row in ROWS if row.name in names]
    first: dict[str, float] = {}
    print(f"{'':16}{'instructions':>14}{'ratio':>9}  wheels")
    with sink() as port:
        for row in rows:
            for folder in folders:
                os.environ["OTEL_RS_DIST"] = str(folder)
                requests = options.requests * row.scale
                once, twice = (instructions(row, number, port) for number in (requests, 2 * requests))
                each = (twice - once) / requests
                ratio = each / first.setdefault(row.name, each)
                print(f"{row.name:16}{each:14.0f}{ratio:9.3f}  {folder}", flush=True)
                if not row.launcher:
                    break


if __name__ == "__main__":
    main()
