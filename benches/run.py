"""CPU per unit of work, start-up and memory: bare, the stock packages, ours.

The unit is a request for Flask and for WSGI without a framework; a span through the Python API for the SDK; a task, and
ten coroutines that are gathered, for asyncio; a bridge that is made 50 frames deep for asgiref.

Every row is a process of its own, started through the stock launcher, that exports to a local receiver in another
process. The rows take turns within each round, so that what disturbs the machine disturbs all of them alike; the table
has the medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from support.environments import NATIVE, PLUGIN, STOCK_FLASK, STOCK_SDK, Environment, dist, environment  # noqa: E402

APPLICATION = ("flask",)


@dataclass(frozen=True)
class Row:
    """One configuration that is measured."""

    name: str
    requirements: tuple[str, ...]
    launcher: bool = True
    options: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    group: str = "Flask"
    """Rows of a group are compared with the group's bare and stock rows."""
    script: str = "workload.py"
    imports: str = "flask"
    """What the process of the start-up imports."""
    scale: int = 1
    """How many times as many requests are made, where one takes little."""
    spans: int = 1
    """For each request."""
    measurements: int = 1
    """For each request."""


def wsgi_row(name: str, requirements: tuple[str, ...], middleware: str) -> Row:
    """A row of the WSGI middleware: no launcher's instrumentation takes part."""
    options = ("--wsgi", f"--middleware={middleware}")
    variables = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}
    return Row(name, requirements, bool(middleware), options, variables, group="WSGI")


def asyncio_rows(group: str, measurements: int, scale: int, *options: str) -> tuple[Row, ...]:
    """The rows of one way to run coroutines, with the plugin as it is by default: metrics, no spans."""

    def row(name: str, *requirements: str) -> Row:
        return Row(
            f"{group} {name}",
            requirements or APPLICATION,
            bool(requirements),
            options,
            group=group,
            script="asyncio_workload.py",
            imports="asyncio",
            scale=scale,
            spans=0,
            measurements=measurements,
        )

    return (
        row("bare"),
        row("stock", *STOCK_SDK, "opentelemetry-instrumentation-asyncio"),
        row("native", "otel-rs-distro", "otel-rs-instr-asyncio"),
        row("ours on stock SDK", *STOCK_SDK, "otel-rs-instr-asyncio"),
    )


def asgiref_rows(limit: str) -> tuple[Row, ...]:
    """The rows of `sync_to_async` under a deep stack, of which the spans show as much as `limit` says."""
    group = f"bridge {limit}"

    def row(name: str, instrumentor: str, *requirements: str) -> Row:
        return Row(
            f"{group} {name}",
            ("asgiref", *requirements),
            bool(instrumentor),
            (f"--instrumentor={instrumentor}", f"--limit={limit}"),
            {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"},
            group=group,
            script="asgiref_workload.py",
            imports="asgiref.sync",
            scale=2,
            measurements=0,
        )

    return (
        row("bare", ""),
        # What the package on GitHub does, made by hand: it is on no index.
        row("stock", "reference", *STOCK_SDK),
        row("native", "otel_rs_instr_asgiref", "otel-rs-distro", "otel-rs-instr-asgiref"),
        row("ours on stock SDK", "otel_rs_instr_asgiref", *STOCK_SDK, "otel-rs-instr-asgiref"),
    )


def span_row(name: str, *requirements: str, options: tuple[str, ...] = ()) -> Row:
    """A row of spans through the Python API, without any instrumentation."""
    variables = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}
    return Row(
        name,
        (*APPLICATION, *requirements),
        bool(requirements),
        options,
        variables,
        group="span",
        script="span_workload.py",
        scale=4,
        measurements=0,
    )


ROWS = (
    Row("bare", APPLICATION, launcher=False),
    Row("stock", (*APPLICATION, *STOCK_SDK, *STOCK_FLASK)),
    Row("native", (*APPLICATION, *NATIVE)),
    Row("ours on stock SDK", (*APPLICATION, *STOCK_SDK, *PLUGIN)),
    Row(
        "floor of stock SDK",
        (*APPLICATION, *STOCK_SDK),
        options=("--floor",),
        variables={"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"},
    ),
    wsgi_row("WSGI bare", APPLICATION, ""),
    wsgi_row(
        "WSGI stock",
        (*APPLICATION, *STOCK_SDK, "opentelemetry-instrumentation-wsgi"),
        "opentelemetry.instrumentation.wsgi",
    ),
    wsgi_row("WSGI native", (*APPLICATION, "otel-rs-distro", "otel-rs-instr-wsgi"), "otel_rs_instr_wsgi"),
    wsgi_row("WSGI ours on stock SDK", (*APPLICATION, *STOCK_SDK, "otel-rs-instr-wsgi"), "otel_rs_instr_wsgi"),
    span_row("span bare", options=("--bare",)),
    span_row("span stock", *STOCK_SDK),
    span_row("span native", "otel-rs-distro"),
    *asyncio_rows("task", 1, 10),
    *asyncio_rows("gather", 10, 1, "--gather"),
    *asgiref_rows("10"),
    *asgiref_rows("none"),
)


@dataclass(frozen=True)
class Sample:
    """What one run of one row gave."""

    cpu_us: float
    rss_mib: float
    start_up_ms: float


@contextmanager
def sink() -> Iterator[int]:
    """The receiver's port."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "sink.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def command_of(row: Row, place: Environment, *arguments: str) -> list[str]:
    """The command line of a process of ``row``."""
    launcher = [place.command("opentelemetry-instrument")] if row.launcher else []
    return [*launcher, place.python, *arguments]


def variables_of(row: Row, place: Environment, port: int, requests: int) -> dict[str, str]:
    """The variables of a process of ``row``: all rows export the same, and none may drop a span."""
    return place.variables(
        OTEL_SERVICE_NAME="bench",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}",
        OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        OTEL_LOGS_EXPORTER="none",
        OTEL_BSP_MAX_QUEUE_SIZE=str(4 * requests),
        **row.variables,
    )


def start_up_ms(row: Row, place: Environment, variables: dict[str, str]) -> float:
    """CPU milliseconds of a process that imports what the row instruments and ends."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command_of(row, place, "-c", f"import {row.imports}"), env=variables, check=True, stderr=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3


def measure(row: Row, place: Environment, port: int, requests: int, warm_up: int) -> Sample:
    """One run of one row; fails when an exported span or measurement did not arrive."""
    requests, warm_up = requests * row.scale, warm_up * row.scale
    variables = variables_of(row, place, port, requests)
    start_up = start_up_ms(row, place, variables)
    received(port)
    counts = (f"--requests={requests}", f"--warm-up={warm_up}")
    result = subprocess.run(
        command_of(row, place, str(HERE / row.script), *counts, *row.options),
        env=variables,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    total = requests + warm_up if row.launcher else 0
    expected = {"spans": total * row.spans, "measured": total * row.measurements}
    arrived = received(port)
    if arrived != expected:
        raise SystemExit(f"{row.name}: expected {expected}, the receiver has {arrived}")
    sample = json.loads(result.stdout)
    return Sample(sample["cpu_us"], sample["rss_kib"] / 1024, start_up)


def received(port: int) -> dict[str, int]:
    """What the receiver got since it was last asked."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as response:
        counts: dict[str, int] = json.load(response)
        return counts


def print_table(samples: dict[str, list[Sample]]) -> None:
    """The medians of each row, and what it adds to the bare row against what stock adds."""
    medians = {
        name: Sample(
            *(statistics.median(getattr(s, key) for s in of_row) for key in ("cpu_us", "rss_mib", "start_up_ms"))
        )
        for name, of_row in samples.items()
    }
    groups = {row.name: row.group for row in ROWS}
    references = {"Flask": ("bare", "stock"), "WSGI": ("WSGI bare", "WSGI stock")}
    references |= {
        group: (f"{group} bare", f"{group} stock") for group in ("span", "task", "gather", "bridge 10", "bridge none")
    }
    print()
    print(
        f"{'':30}{'CPU us/request':>16}{'min..max':>18}{'added us':>10}{'stock/row':>11}{'start ms':>10}{'RSS MiB':>9}"
    )
    for name, median in medians.items():
        cpu = [sample.cpu_us for sample in samples[name]]
        bare_name, stock_name = references[groups[name]]
        bare, stock = medians.get(bare_name), medians.get(stock_name)
        added = median.cpu_us - bare.cpu_us if bare and name != bare_name else None
        ratio = (stock.cpu_us - bare.cpu_us) / added if bare and stock and added and added > 0 else None
        print(
            f"{name:30}{median.cpu_us:16.1f}{f'{min(cpu):.1f}..{max(cpu):.1f}':>18}"
            f"{'' if added is None else f'{added:.1f}':>10}{'' if ratio is None else f'{ratio:.1f}':>11}"
            f"{median.start_up_ms:10.0f}{median.rss_mib:9.1f}"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the rounds and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("BENCH_ROUNDS", 7)))
    parser.add_argument("--requests", type=int, default=int(os.environ.get("BENCH_REQUESTS", 4000)))
    parser.add_argument("--warm-up", type=int, default=4000)
    parser.add_argument("--rows", default="", help="names, separated by commas; default: all")
    options = parser.parse_args(arguments)

    rows = [row for row in ROWS if not options.rows or row.name in options.rows.split(",")]
    print(f"Wheels: {dist()}. Preparing {len(rows)} environments …", flush=True)
    places = {row.name: environment(*row.requirements) for row in rows}
    samples: dict[str, list[Sample]] = defaultdict(list)
    with sink() as port:
        for number in range(options.rounds):
            started = time.monotonic()
            for row in rows:
                samples[row.name].append(measure(row, places[row.name], port, options.requests, options.warm_up))
            seconds = time.monotonic() - started
            print(f"round {number + 1} of {options.rounds}: {seconds:.1f} s", flush=True)
    print_table(samples)
    print(
        f"\nMedians of {options.rounds} rounds of {options.requests} requests; process CPU of all threads with flush."
    )
    print(
        "start: CPU of launcher and process to import the library and exit. stock/row: CPU added by stock / by the row."
    )


if __name__ == "__main__":
    main()
