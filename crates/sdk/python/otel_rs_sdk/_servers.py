"""Servers that reset SIGTERM and raise it again at their end, when its default action leaves no time for an export."""

import asyncio
import signal
import time
from collections.abc import Callable
from functools import wraps
from logging import getLogger
from types import ModuleType
from typing import Any

from otel_rs_sdk import _native

_logger = getLogger("otel_rs_sdk")

POLL_SECONDS = 0.02


def export_at_end_of_servers(timeout_millis: float) -> None:
    """Has uvicorn, in its own processes and in gunicorn's workers, export before it raises the signal again."""
    try:
        # It comes with every instrumentation; without any there are no spans of a server.
        from wrapt import register_post_import_hook
    except ImportError:
        return

    def imported(module: ModuleType) -> None:
        # Whatever an odd version has instead: the application's import must not fail.
        try:
            _export_after_serving(module.Server, timeout_millis)
        except Exception:
            _logger.warning("otel-rs: %s is not known well enough to export at its end", module.__name__, exc_info=True)

    register_post_import_hook(imported, "uvicorn.server")


def _export_after_serving(server: Any, timeout_millis: float) -> None:
    serve: Callable[..., Any] | None = server.__dict__.get("_serve")
    # Versions before 0.29 raise no signal.
    if serve is None or hasattr(serve, "_otel_rs_exports"):
        return

    @wraps(serve)
    async def serve_and_export(self: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return await serve(self, *arguments, **options)
        finally:
            signals = getattr(self, "_captured_signals", ())
            # After SIGINT the interpreter ends as it always does, and exports then.
            if signal.SIGTERM in signals:
                await _export(timeout_millis, lambda: len(signals))

    serve_and_export._otel_rs_exports = True  # type: ignore[attr-defined]
    server._serve = serve_and_export


async def _export(timeout_millis: float, count_signals: Callable[[], int]) -> None:
    """Lets the event loop run meanwhile. One more signal ends it."""
    signals = count_signals()
    pending = _native.begin_flush_of_all()
    deadline = time.monotonic() + timeout_millis / 1000
    while not pending.is_over() and time.monotonic() < deadline and count_signals() == signals:
        await asyncio.sleep(POLL_SECONDS)
