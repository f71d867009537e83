"""What each kind of outage of the collector costs: spans, latency, memory, and how soon delivery resumes.

Two shapes: gunicorn with two workers, and a script. Both serve a Flask application at a rate; the collector fails for
some seconds in between. *Beyond* is what was lost although the queues (2,048 spans a process) could hold it. The same
program without telemetry runs at the same time, and with ``--stock`` that of the stock packages too, so that whatever
disturbs the machine disturbs all of their latencies alike.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from load import HERE, Collector, Load, Resources, children, percentile, resources

from support.environments import APPLICATION, NATIVE, STOCK_FLASK, STOCK_SDK, Environment, environment
from support.faulty_collector import FAULTS
from support.gunicorn import Gunicorn

QUEUE, SCHEDULE = 2048, 5.0
WORKERS = 2
WARM_UP = 100
"""Requests of the script before anything else."""
BEFORE, AFTER = 3.0, 12.0
"""Seconds of load before the outage and after it."""


@dataclass
class Outcome:
    """Of one outage, or of none."""

    made: int = 0
    too_many: int = 0
    """Spans of the outage that the queues of their processes cannot hold."""
    arrived: int = 0
    duplicates: int = 0
    latencies: list[float] = field(default_factory=list)
    """Of the requests during the outage, in seconds."""
    resumed_s: float = math.nan
    growth_kib: int = 0
    said: tuple[str, ...] = ()
    """What the log has of losses."""

    @property
    def lost(self) -> int:
        """Spans that were made and did not arrive."""
        return self.made - self.arrived


class Watch:
    """The memory of some processes while something goes on, and when the collector has spans again."""

    def __init__(self, collector: Collector, pids: list[int]) -> None:
        self._collector = collector
        self._pids = pids
        self._before = resources(pids)
        self._most = self._before
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._stopped.wait(0.25):
            self._most = max(self._most, self._now(), key=lambda used: used.rss_kib)

    def _now(self) -> Resources:
        try:
            return resources(self._pids)
        except (FileNotFoundError, ProcessLookupError, KeyError):
            return self._before

    def resumed(self, within: float) -> float:
        """Seconds until a span comes, from now."""
        begin, before = time.monotonic(), self._collector.counts()["spans"]
        while time.monotonic() - begin < within:
            if self._collector.counts()["spans"] > before:
                return time.monotonic() - begin
            time.sleep(0.05)
        return math.inf

    def stop(self) -> int:
        """By how much the memory had grown at most, in KiB for each process."""
        self._stopped.set()
        self._thread.join()
        return (self._most.rss_kib - self._before.rss_kib) // len(self._pids)


@dataclass(frozen=True)
class Plan:
    """One outage, and who waits for whom before it."""

    fault: str
    seconds: float
    rate: float
    together: threading.Barrier
    """Of the programs that run side by side, when they are warm."""


def outage(collector: Collector, fault: str, seconds: float, watch: Watch | None) -> float:
    """Lets the collector fail for a time, then until it has recovered; how long that took."""
    time.sleep(BEFORE)
    if fault:
        collector.fail(fault)
    time.sleep(seconds)
    collector.heal()
    begin = time.monotonic()
    resumed = watch.resumed(AFTER) if watch else math.nan
    time.sleep(max(0.0, AFTER - (time.monotonic() - begin)))
    return resumed


def gunicorn(packages: Environment, bare: bool, plan: Plan) -> Outcome:
    """An outage under gunicorn."""
    fault, seconds, rate = plan.fault, plan.seconds, plan.rate
    options = (f"--workers={WORKERS}", "--worker-class=gthread", "--threads=4", "--keep-alive=60")
    with (
        Collector() as collector,
        tempfile.TemporaryDirectory() as folder,
        Gunicorn(packages, "soaked:app", Path(folder), *options, variables=collector.variables, bare=bare) as server,
    ):
        server.wait_for_workers()
        # The caches are warm, the threads are there and the queues empty before anything is measured.
        warm = Load(server.port, 4 * rate).start()
        time.sleep(2)
        warm.stop()
        time.sleep(SCHEDULE + 1)
        plan.together.wait(120)
        load = Load(server.port, rate).start()
        watch = Watch(collector, children(server.pid))
        begin = time.monotonic() + BEFORE
        resumed = outage(collector, fault, seconds, None if bare else watch)
        load.stop()
        growth = watch.stop()
        server.terminate(timeout=60)
        counts = collector.counts()
        said = tuple(line for line in server.log.splitlines() if "dropped" in line or "lost" in line)
    made = warm.sent + load.sent
    # With what was queued when the outage began, and what comes until the next attempt.
    spans = load.by_process(begin - BEFORE - SCHEDULE, begin + seconds + 2)
    too_many = sum(max(0, count - QUEUE) for count in spans.values())
    return Outcome(
        made,
        too_many,
        int(counts["spans"]),
        int(counts["duplicates"]),
        load.between(begin, begin + seconds),
        resumed,
        growth,
        said,
    )


def script(packages: Environment, bare: bool, plan: Plan) -> Outcome:
    """An outage under a script that goes on for two seconds after it."""
    fault, seconds, rate = plan.fault, plan.seconds, plan.rate
    launcher = [] if bare else [packages.command("opentelemetry-instrument")]
    command = [*launcher, packages.python, str(HERE / "outage_script.py"), str(rate), str(BEFORE), str(seconds)]
    with Collector() as collector:
        process = subprocess.Popen(
            command,
            env=packages.variables(**collector.variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        plan.together.wait(120)
        process.stdin.write("go\n")
        process.stdin.flush()
        watch = Watch(collector, [process.pid])
        resumed = outage(collector, fault, seconds, None if bare else watch)
        output, _ = process.communicate(timeout=60)
        growth = watch.stop()
        counts = collector.counts()
    measured = json.loads(output)
    arrived, duplicates = int(counts["spans"]), int(counts["duplicates"])
    # What it made while it became warm may be queued still.
    too_many = max(0, WARM_UP + int(rate * (BEFORE + seconds + 2)) - QUEUE)
    return Outcome(measured["requests"], too_many, arrived, duplicates, measured["latencies"], resumed, growth)


SHAPES: dict[str, Callable[[Environment, bool, Plan], Outcome]] = {"gunicorn": gunicorn, "script": script}


def side_by_side(shape: str, programs: list[tuple[Environment, bool]], plan: Plan) -> list[Outcome]:
    """The outcomes of programs (packages, whether they go without telemetry) that run at the same time."""
    with ThreadPoolExecutor(len(programs)) as pool:
        runs = [pool.submit(SHAPES[shape], packages, bare, plan) for packages, bare in programs]
        return [run.result() for run in runs]


def main() -> int:
    """Runs the outages and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="how long each outage lasts")
    parser.add_argument("--rate", type=float, default=100, help="requests a second")
    parser.add_argument("--only", action="append", metavar="KIND", help="one kind of outage (several times)")
    parser.add_argument("--shape", action="append", choices=sorted(SHAPES), help="one shape of program")
    parser.add_argument("--stock", action="store_true", help="a column of the stock packages")
    arguments = parser.parse_args()

    kinds = {fault: (fault, arguments.seconds) for fault in FAULTS}
    kinds |= {"up again after 5 s": ("refused", 5.0), "up again after 20 s": ("refused", 20.0)}
    if arguments.only:
        kinds = {name: kind for name, kind in kinds.items() if name in arguments.only}
    ours = environment(*APPLICATION, *NATIVE)
    programs = [(ours, False), (ours, True)]
    if arguments.stock:
        programs.append((environment(*APPLICATION, *STOCK_SDK, *STOCK_FLASK), False))

    print(
        "| outage | program | spans | lost | beyond | twice | p99 / bare ms | resumed s | growth MiB | lost by stock |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    beyond_all = 0
    for shape in arguments.shape or SHAPES:
        pooled: tuple[list[float], list[float]] = ([], [])
        for name, (fault, seconds) in kinds.items():
            plan = Plan(fault, seconds, arguments.rate, threading.Barrier(len(programs)))
            outcome, bare, *stock = side_by_side(shape, programs, plan)
            beyond = max(0, outcome.lost - outcome.too_many)
            beyond_all += beyond
            for all_of, of_kind in zip(pooled, (outcome, bare), strict=True):
                all_of.extend(of_kind.latencies)
            print(
                f"| {name} | {shape} | {outcome.made} | {outcome.lost} | {beyond} | {outcome.duplicates} "
                f"| {percentile(outcome.latencies):.1f} / {percentile(bare.latencies):.1f} | {outcome.resumed_s:.1f} "
                f"| {outcome.growth_kib / 1024:.1f} | {stock[0].lost if stock else '-'} |",
                flush=True,
            )
            if beyond:
                print(*outcome.said, sep="\n", file=sys.stderr)
        with_us, without = map(percentile, pooled)
        print(f"{shape}, all outages: p99 {with_us:.2f} ms, bare {without:.2f} ms, ratio {with_us / without:.2f}")
    return 1 if beyond_all else 0


if __name__ == "__main__":
    sys.exit(main())
