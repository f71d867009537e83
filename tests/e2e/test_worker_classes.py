"""gunicorn's workers that serve several requests at a time: threads, and greenlets that switch while a span is open."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.environments import APPLICATION, NATIVE, environment
from support.gunicorn import Gunicorn
from support.http_client import Request, send_all
from support.otlp_receiver import OtlpReceiver, ReceivedSpan
from support.settings import otlp

REQUESTS = 300


@pytest.mark.parametrize(
    ("packages", "options"),
    [((), ("--worker-class=gthread", "--threads=4")), (("gevent",), ("--worker-class=gevent",))],
    ids=["gthread", "gevent"],
)
def test_requests_keep_their_own_spans(
    packages: tuple[str, ...], options: tuple[str, ...], receiver: OtlpReceiver, tmp_path: Path
) -> None:
    place = environment(*APPLICATION, *packages, *NATIVE)
    settings = otlp(receiver.endpoint)
    with Gunicorn(place, "nested:app", tmp_path, "--workers=2", *options, variables=settings) as server:
        responses = send_all(server.port, [Request(f"/wait/{number}") for number in range(REQUESTS)])
        server.terminate()

    assert [response.body for response in responses] == [f"waited {number}".encode() for number in range(REQUESTS)]
    assert receiver.wait_for(lambda received: len(received.spans) == 3 * REQUESTS)
    spans: dict[str, ReceivedSpan] = {span.attributes.get("http.target", span.name): span for span in receiver.spans}
    assert len(spans) == 3 * REQUESTS
    for number in range(REQUESTS):
        served, outer, inner = (spans[name.format(number)] for name in ("/wait/{}", "outer {}", "inner {}"))
        assert served.parent_id is None
        assert (outer.trace_id, outer.parent_id) == (served.trace_id, served.span_id)
        assert (inner.trace_id, inner.parent_id) == (served.trace_id, outer.span_id)
