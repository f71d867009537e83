"""The script of ``outages.py``: a Flask application that is called in the process itself, at a rate.

Arguments: requests a second, and the seconds before and of the outage; it goes on for two seconds after that. Prints a
line when it begins, and at the end how many requests it made, and their latency during the outage as JSON.
"""

import json
import sys
import time

from flask import Flask

_AFTER = 2.0


def main() -> None:
    """Calls the application."""
    rate, before, outage = map(float, sys.argv[1:])
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: "fine")
    client = app.test_client()
    for _ in range(100):
        client.get("/")
    print("begins", flush=True)
    latencies = []
    begin = time.monotonic()
    requests = int(rate * (before + outage + _AFTER))
    for number in range(requests):
        time.sleep(max(0.0, begin + number / rate - time.monotonic()))
        sent = time.monotonic()
        client.get("/")
        if before <= sent - begin < before + outage:
            latencies.append(time.monotonic() - sent)
    latencies.sort()
    print(json.dumps({"requests": 100 + requests, "p99_ms": 1e3 * latencies[int(len(latencies) * 0.99)]}), flush=True)


if __name__ == "__main__":
    main()
