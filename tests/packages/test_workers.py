"""Processes that others start and end: workers of gunicorn and celery, event loops inside of event loops."""

import subprocess
from pathlib import Path

import pytest

from packages.place import launch, with_packages
from support.gunicorn import Gunicorn
from support.http_client import Request, send_all
from support.otlp_receiver import OtlpReceiver, span_names
from support.settings import otlp

pytestmark = pytest.mark.timeout(600)

REQUESTS = 20


@pytest.mark.parametrize(
    ("packages", "application", "paths", "names"),
    [
        (
            ("fastapi", "opentelemetry-instrumentation-fastapi"),
            "fast:app",
            ("/items/{}", "/threads/{}"),
            {"GET /items/{number}": REQUESTS, "GET /threads/{number}": REQUESTS},
        ),
        (("connexion[flask,uvicorn]",), "specified:app", ("/items/{}",), {"GET /items/<int:number>": REQUESTS}),
    ],
    ids=["fastapi", "connexion"],
)
def test_uvicorn_workers_of_gunicorn(
    packages: tuple[str, ...],
    application: str,
    paths: tuple[str, ...],
    names: dict[str, int],
    receiver: OtlpReceiver,
    tmp_path: Path,
) -> None:
    place = with_packages(*packages, "gunicorn", "uvicorn", "uvicorn-worker")
    options = ("--worker-class=uvicorn_worker.UvicornWorker", "--workers=2")
    with Gunicorn(place, application, tmp_path, *options, variables=otlp(receiver.endpoint)) as server:
        requests = [Request(path.format(number)) for path in paths for number in range(REQUESTS)]
        statuses = {response.status for response in send_all(server.port, requests)}
        server.terminate()
    assert statuses == {200}, server.log
    assert span_names(receiver.server_spans()) == names, server.log


def test_celery_with_recycled_children(receiver: OtlpReceiver, tmp_path: Path) -> None:
    """Every child leaves after one task."""
    place = with_packages("celery", "opentelemetry-instrumentation-celery")
    broker = tmp_path / "broker"
    broker.mkdir()
    variables = otlp(receiver.endpoint, BROKER_FOLDER=str(broker))
    launcher = place.command("opentelemetry-instrument")
    options = ("--concurrency=2", "--max-tasks-per-child=1", "--without-gossip", "--without-mingle")
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [launcher, place.command("celery"), "-A", "tasks", "worker", *options],
            env=place.variables(**variables),
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
        try:
            launch(place, "tasks.py", receiver, BROKER_FOLDER=str(broker))
            receiver.wait_for(lambda seen: len(seen.spans) >= 12, 60)
        finally:
            worker.terminate()
            worker.wait(60)
    told = (tmp_path / "worker.log").read_text()
    assert span_names(receiver.spans) == {"apply_async/shop.add": 6, "run/shop.add": 6}, told
    sent = {span.span_id: span.trace_id for span in receiver.spans if span.name.startswith("apply_async/")}
    run = [span for span in receiver.spans if span.name.startswith("run/")]
    assert [sent[span.parent_id or ""] for span in run] == [span.trace_id for span in run]
    assert len({span.trace_id for span in run}) == 6


def test_nest_asyncio(receiver: OtlpReceiver) -> None:
    place = with_packages("nest_asyncio", "otel-rs-instr-asyncio")
    result = launch(place, "nested_loops.py", receiver, OTEL_PYTHON_ASYNCIO_COROUTINE_NAMES_TO_TRACE="work")
    assert result.stdout.strip() == "10"
    assert span_names(receiver.spans) == {"asyncio coro-work": 4}
