"""Requests that no browser sends, and views that fail: the client's answer is that of the bare application."""

import re
from pathlib import Path

import pytest

from support.environments import Environment
from support.gunicorn import Gunicorn
from support.http_client import get, send_raw
from support.otlp_receiver import OtlpReceiver
from support.settings import otlp

RAW_REQUESTS = {
    "undecodable header": b"GET /echo HTTP/1.1\r\nHost: shop\r\nUser-Agent: \xff\xfe\x80\r\nX-A: \xc3\x28\r\n\r\n",
    "undecodable host": b"GET /echo HTTP/1.1\r\nHost: sh\xffp\r\n\r\n",
    "no host": b"GET /echo HTTP/1.0\r\n\r\n",
    "empty host": b"GET /echo HTTP/1.1\r\nHost:\r\n\r\n",
    "odd port in host": b"GET /echo HTTP/1.1\r\nHost: shop:port\r\n\r\n",
    "undecodable path": b"GET /%ff%fe HTTP/1.1\r\nHost: shop\r\n\r\n",
    "undecodable query": b"GET /echo?q=%ff HTTP/1.1\r\nHost: shop\r\n\r\n",
    "absolute form": b"GET http://user:pw@other:99999999/echo HTTP/1.1\r\nHost: shop\r\n\r\n",
    "unknown method": b"FROBNICATE /echo HTTP/1.1\r\nHost: shop\r\n\r\n",
    "two traceparents": b"GET /echo HTTP/1.1\r\nHost: shop\r\ntraceparent: 00-a\r\ntraceparent: 00-b\r\n\r\n",
    "huge baggage": b"GET /echo HTTP/1.1\r\nHost: shop\r\nbaggage: k=" + b"v" * 7000 + b"\r\n\r\n",
    "undecodable baggage": b"GET /echo HTTP/1.1\r\nHost: shop\r\nbaggage: \xff=\xfe,a=%ff\r\n\r\n",
    "a view that raises": b"GET /fail HTTP/1.1\r\nHost: shop\r\n\r\n",
    "a view that exits": b"GET /exit HTTP/1.1\r\nHost: shop\r\n\r\n",
}


def answers(place: Environment, folder: Path, *, bare: bool, variables: dict[str, str]) -> dict[str, bytes]:
    """What the application answers to each raw request, without the date."""
    # Werkzeug lists the methods of a 405 in the order of a set.
    variables = {"PYTHONHASHSEED": "0"} | variables
    with Gunicorn(place, "shop:app", folder, bare=bare, variables=variables) as server:
        received = {
            name: send_raw(server.port, raw.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
            for name, raw in RAW_REQUESTS.items()
        }
        server.terminate()
    return {name: re.sub(rb"\r\nDate: [^\r]*", b"", answer) for name, answer in received.items()}


def test_answers_are_those_of_the_bare_application(
    bare: Environment, native: Environment, receiver: OtlpReceiver, tmp_path: Path
) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "native").mkdir()
    expected = answers(bare, tmp_path / "bare", bare=True, variables={})
    actual = answers(native, tmp_path / "native", bare=False, variables=otlp(receiver.endpoint))
    assert actual == expected
    # The test itself: views were reached, and the exit left the client without an answer.
    assert expected["no host"].startswith(b"HTTP/1.0 200"), expected["no host"]
    assert expected["a view that raises"].startswith(b"HTTP/1.1 500")

    targets = [span.attributes.get("http.target") for span in receiver.server_spans()]
    # gunicorn refuses a few of the requests before any application sees them.
    assert len(targets) == sum(
        1 for name, answer in expected.items() if not answer.startswith(b"HTTP/1.1 400") or name == "odd port in host"
    )
    # A SystemExit ends the span but is not an error: OpenTelemetry records what derives from Exception.
    statuses = {span.attributes.get("http.target"): span.status for span in receiver.server_spans()}
    assert (statuses["/fail"], statuses["/exit"], statuses["/echo"]) == ("ERROR", "UNSET", "UNSET")


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "00",
        "00-" + "0" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "1" * 32 + "-" + "0" * 16 + "-01",
        "00-" + "g" * 32 + "-" + "1" * 16 + "-01",
        "ff-" + "1" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "1" * 32 + "-" + "1" * 16 + "-01-extra",
        "00-" + "1" * 5000,
    ],
    ids=["empty", "short", "zero-trace", "zero-span", "not-hex", "version-ff", "too-long-for-00", "huge"],
)
def test_malformed_traceparent(traceparent: str, native: Environment, receiver: OtlpReceiver, tmp_path: Path) -> None:
    with Gunicorn(native, "shop:app", tmp_path, variables=otlp(receiver.endpoint)) as server:
        response = get(server.port, "/items/1", traceparent=traceparent)
        server.terminate()
    assert (response.status, response.body) == (200, b"item 1")
    [span] = receiver.server_spans()
    assert span.parent_id is None
    assert "1111" not in span.trace_id
