"""Objects of the application's that call us back when they go: nothing of ours is locked then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from parity.wsgi_client import environ

class Status(str):
    start_response = None

    def __del__(self):
        if self.start_response is not None:
            start_response, self.start_response = self.start_response, None
            start_response("202 From a finalizer", [])

def application(environ, start_response):
    for _ in range(3):
        status = Status("200 OK")
        status.start_response = start_response
        start_response(status, [])
        del status
    start_response("201 Created", [])
    return [b"answer"]

if sys.argv[1] == "wsgi":
    from otel_rs_instr_wsgi import OpenTelemetryMiddleware
    instrumented = OpenTelemetryMiddleware(application)
else:
    import flask
    from otel_rs_instr_flask import FlaskInstrumentor
    from werkzeug.wrappers import Response
    FlaskInstrumentor().instrument()
    instrumented = flask.Flask("app")

    class Answer(flask.Response):
        def __call__(self, environ, start_response):
            return application(environ, start_response)

    instrumented.add_url_rule("/", view_func=lambda: Answer("answer"))
said = []
body = list(instrumented(environ(), lambda status, headers: said.append(str(status))))
print(body, len(said), said[-1])
"""


@pytest.mark.parametrize("how", ["wsgi", "flask"])
def test_a_status_line(how: str) -> None:
    # In a process of its own: what waits for itself holds the interpreter.
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, how],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (finished.returncode, finished.stderr.count("Traceback")) == (0, 0), finished.stderr
    assert finished.stdout.startswith("[b'answer'] 7 ")
