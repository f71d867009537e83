"""A server under load for minutes, with a healthy collector: what is lost, and what grows.

gunicorn serves a Flask application under the launcher, with two workers. Each request makes a span and a measurement;
all of them have to arrive. Memory, threads and descriptors of the workers are compared between a fifth of the time
(minute one of five) and the end. The exit status is 1 if something was lost or has grown.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from load import DURATION, Collector, Load, children, resources

from support.environments import APPLICATION, NATIVE, environment
from support.gunicorn import Gunicorn

MOST_GROWTH = 1.05
SETTLED = 5.0
"""Seconds until the first export of metrics, after a minute, has opened its connection, which is kept."""


def main() -> int:
    """Runs it and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300, help="how long the load lasts")
    parser.add_argument("--rate", type=float, default=2000, help="requests a second, if the machine can")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()

    options = (f"--workers={arguments.workers}", "--worker-class=gthread", "--threads=8", "--keep-alive=60")
    variables = {"OTEL_SERVICE_NAME": "soak"}
    with Collector() as collector, tempfile.TemporaryDirectory() as folder:
        application = environment(*APPLICATION, *NATIVE)
        variables |= collector.variables
        with Gunicorn(application, "soaked:app", Path(folder), *options, variables=variables) as server:
            server.wait_for_workers()
            workers = children(server.pid)
            load = Load(server.port, arguments.rate, connections=8 * arguments.workers).start()
            time.sleep(arguments.seconds / 5 + SETTLED)
            early = resources(workers)
            time.sleep(arguments.seconds * 4 / 5 - SETTLED)
            late = resources(workers)
            load.stop()
            server.terminate()
            log = server.log
        counts = collector.counts()

    requests = load.sent + load.failed
    lost = load.sent - int(counts["spans"])
    growth = late.rss_kib / early.rss_kib
    print(f"requests     {requests} ({requests / arguments.seconds:.0f} a second), {load.failed} failed")
    print(f"spans        {counts['spans']:.0f} arrived, {lost} lost, {counts['duplicates']:.0f} twice")
    print(f"{DURATION} counts {counts['total']:.0f}")
    print(f"memory       {early.rss_kib} KiB at a fifth, {late.rss_kib} KiB at the end ({growth:.3f})")
    print(f"threads      {early.threads}, {late.threads}")
    print(f"descriptors  {early.descriptors}, {late.descriptors}")
    said = [line for line in log.splitlines() if "otel-rs" in line or "otel_rs" in line]
    print(*said[:10], sep="\n")
    kept = (early.threads, early.descriptors) == (late.threads, late.descriptors)
    # A request that failed may have made a span all the same.
    complete = 0 <= -lost <= load.failed and 0 <= counts["total"] - load.sent <= load.failed
    return 0 if complete and kept and growth <= MOST_GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
