"""Packages that are built on Flask."""

import http.client
import json
from pathlib import Path

import pytest

from packages.place import with_packages
from support.gunicorn import Gunicorn
from support.http_client import get
from support.otlp_receiver import OtlpReceiver, span_names
from support.service import Service
from support.settings import otlp

pytestmark = pytest.mark.timeout(600)


def post(port: int, path: str, body: str, kind: str = "application/json") -> tuple[int, str]:
    """Status and body of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path, body, {"Content-Type": kind})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_flask_restx(receiver: OtlpReceiver, tmp_path: Path) -> None:
    place = with_packages("flask-restx", "flask", "gunicorn")
    with Gunicorn(place, "restful:app", tmp_path, variables=otlp(receiver.endpoint)) as server:
        statuses = [get(server.port, path).status for path in ("/items/1", "/items/13", "/items/14", "/swagger.json")]
        server.terminate()
    assert statuses == [200, 404, 503, 200]
    spans = [(span.name, span.attributes["http.status_code"], span.status) for span in receiver.server_spans()]
    assert sorted(spans) == [
        ("GET /items/<int:number>", 200, "UNSET"),
        ("GET /items/<int:number>", 404, "UNSET"),
        ("GET /items/<int:number>", 503, "ERROR"),
        ("GET /swagger.json", 200, "UNSET"),
    ]


def test_dash(receiver: OtlpReceiver, tmp_path: Path) -> None:
    update = {
        "output": "shown.children",
        "outputs": {"id": "shown", "property": "children"},
        "inputs": [{"id": "text", "property": "value", "value": "a"}],
        "changedPropIds": ["text.value"],
    }
    with Gunicorn(
        with_packages("dash", "gunicorn"), "board:app", tmp_path, variables=otlp(receiver.endpoint)
    ) as server:
        assert get(server.port, "/").status == 200
        status, body = post(server.port, "/_dash-update-component", json.dumps(update))
        server.terminate()
    assert (status, json.loads(body)["response"]["shown"]["children"]) == (200, "shown: a")
    assert span_names(receiver.server_spans()) == {"GET /": 1, "POST /_dash-update-component": 1}


def test_flask_socketio(receiver: OtlpReceiver, tmp_path: Path) -> None:
    """Its middleware answers its own requests before Flask sees them; pages have their spans."""
    place = with_packages("flask-socketio", "flask", "gunicorn")
    with Gunicorn(
        place, "sockets:app", tmp_path, "--worker-class=gthread", "--threads=8", variables=otlp(receiver.endpoint)
    ) as server:
        assert get(server.port, "/").body == b"index"
        polling = "/socket.io/?EIO=4&transport=polling"
        session = json.loads(get(server.port, polling).body[1:])["sid"]
        polling += f"&sid={session}"
        assert post(server.port, polling, "40", "text/plain") == (200, "OK")
        assert get(server.port, polling).body.startswith(b"40")
        assert post(server.port, polling, '42["question","why"]', "text/plain") == (200, "OK")
        assert get(server.port, polling).body == b'42["answer","WHY"]'
        assert get(server.port, "/").body == b"index"
        post(server.port, polling, "41", "text/plain")
        server.terminate()
    assert span_names(receiver.server_spans()) == {"GET /": 2}


def test_sentry_beside_us(receiver: OtlpReceiver, tmp_path: Path) -> None:
    place = with_packages("sentry-sdk", "flask", "gunicorn")
    with Service() as tracker:
        address = tracker.url.replace("http://", "http://key@") + "/1"
        with Gunicorn(place, "reported:app", tmp_path, variables=otlp(receiver.endpoint, SENTRY=address)) as server:
            statuses = [get(server.port, path).status for path in ("/items/1", "/fail", "/items/2")]
            server.terminate()
        reported = b"".join(asked.body for asked in tracker.asked)
    assert statuses == [200, 500, 200]
    assert span_names(receiver.server_spans()) == {"GET /items/<int:number>": 2, "GET /fail": 1}
    [failed] = [span for span in receiver.server_spans() if span.name == "GET /fail"]
    assert failed.status == "ERROR"
    assert reported, "Sentry was told nothing"
