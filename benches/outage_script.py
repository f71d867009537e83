"""The script of ``outages.py``: a Flask application that is called in the process itself, at a rate.

Arguments: requests a second, and the seconds before and of the outage; it goes on for two seconds after that. Prints a
line when it is warm and waits for one. At the end it prints how many requests it made and the latencies of those that
it made during the outage, in seconds, as JSON.
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
    print("warm", flush=True)
    sys.stdin.readline()
    latencies = []
    begin = time.monotonic()
    requests = int(rate * (before + outage + _AFTER))
    for number in range(requests):
        time.sleep(max(0.0, begin + number / rate - time.monotonic()))
        sent = time.monotonic()
        client.get("/")
        if before <= sent - begin < before + outage:
            latencies.append(time.monotonic() - sent)
    print(json.dumps({"requests": 100 + requests, "latencies": latencies}), flush=True)


if __name__ == "__main__":
    main()
