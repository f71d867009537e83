"""What gunicorn's workers do besides in every test."""

from typing import Any


def post_worker_init(worker: Any) -> None:
    """Says that a worker has its own signal handlers and its application."""
    worker.log.info("Worker ready (pid: %s)", worker.pid)
