"""Batches of spans for an exporter written in Python, exported on a thread of Python's own.

The native queue's thread never runs Python code; here everything is Python, at Python's price.
"""

import os
import threading
import time
import weakref
from collections import deque
from logging import getLogger
from typing import Any

from opentelemetry import context as context_api

from otel_rs_sdk import _native
from otel_rs_sdk._processors import SUPPRESS_KEYS

_logger = getLogger("otel_rs_sdk")

_EXIT_SECONDS = 10.0
"""How long a shutdown waits for the exporter."""

_LINE_SECONDS = 60.0
"""The shortest time between two lines of one kind."""


class PythonBatches:
    """A bounded queue, and the thread that exports from it. The thread starts with the first span of a process."""

    def __init__(self, exporter: Any, settings: tuple[int, float, int]) -> None:
        self._exporter = exporter
        self._size, delay_millis, self._batch = settings
        self._delay = delay_millis / 1000
        self.drops: dict[str, int] = dict.fromkeys(("queue_full", "export_failed", "deadline", "after_shutdown"), 0)
        self._told: dict[str, float] = {}
        self._is_shut_down = False
        self._forget()
        if hasattr(os, "register_at_fork"):
            forget = weakref.WeakMethod(self._forget)

            def in_child() -> None:
                method = forget()
                if method is not None:
                    method()

            os.register_at_fork(after_in_child=in_child)

    def _forget(self) -> None:
        """A new process starts with an empty queue and without a thread."""
        self._spans: deque[Any] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None
        self._taken = self._done = 0
        self._wanted = 0
        self._failures = 0

    def put(self, span: Any) -> None:
        """Queues a span; a full queue drops its oldest."""
        if self._is_shut_down:
            self._drop("after_shutdown", 1, "after its shutdown")
            return
        with self._changed:
            dropped = len(self._spans) >= self._size
            if dropped:
                self._spans.popleft()
                self._done += 1
            self._spans.append(span)
            self._taken += 1
            if len(self._spans) >= self._batch:
                self._changed.notify_all()
        if dropped:
            self._drop("queue_full", 1, "since its queue is full (OTEL_BSP_MAX_QUEUE_SIZE)")
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._changed:
            if self._thread is not None:
                return
            # The thread holds no reference while it waits: a processor that nobody has any more lets it end.
            self._thread = threading.Thread(
                target=_run, args=(weakref.ref(self), self._changed), name="otel-rs-python-spans", daemon=True
            )
            thread = self._thread
        try:
            thread.start()
        except RuntimeError:
            # The system has no thread to give: the next span tries again.
            self._thread = None

    def due(self) -> float:
        """Seconds until something is to be exported; with the lock held."""
        if len(self._spans) >= self._batch or self._wanted > self._done or self._is_shut_down:
            return 0.0
        return self._delay

    def export_once(self, all_of_them: bool) -> bool:
        """Exports a batch, and more while there are full ones, or all. False when there is nothing more to come."""
        while True:
            with self._changed:
                batch = [self._spans.popleft() for _ in range(min(self._batch, len(self._spans)))]
            if batch:
                self._export(batch)
            with self._changed:
                self._done += len(batch)
                self._changed.notify_all()
                more = len(self._spans) >= self._batch or (self._spans and (all_of_them or self._wanted > self._done))
                if not more:
                    return not self._is_shut_down

    def _export(self, batch: list[Any]) -> None:
        quiet = context_api.get_current()
        for key in SUPPRESS_KEYS:
            if key is not None:
                quiet = context_api.set_value(key, True, quiet)
        token = context_api.attach(quiet)
        try:
            result = self._exporter.export(tuple(batch))
            failure = None if getattr(result, "name", "SUCCESS") != "FAILURE" else "it says so"
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
        finally:
            context_api.detach(token)
        if failure is not None:
            self._failures += 1
            self._drop("export_failed", len(batch), f"since its exporter failed ({failure})")

    def _drop(self, cause: str, count: int, why: str) -> None:
        self.drops[cause] += count
        now = time.monotonic()
        if now - self._told.get(cause, -_LINE_SECONDS) >= _LINE_SECONDS:
            self._told[cause] = now
            _logger.error(
                "otel-rs: A batch span processor with the exporter %s has lost %d spans %s; %d in all",
                type(self._exporter).__name__,
                count,
                why,
                sum(self.drops.values()),
            )

    def flush(self, seconds: float) -> bool:
        """Exports what is queued; false if that fails or takes longer."""
        failures = self._failures
        deadline = time.monotonic() + seconds
        if self._thread is threading.current_thread():
            # The exporter itself asks.
            return False
        with self._changed:
            target = self._taken
            self._wanted = max(self._wanted, target)
            self._changed.notify_all()
        if self._done < target and self._thread is None:
            self._start()
        with self._changed:
            while self._done < target:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                # In steps, so that an interrupt comes through everywhere.
                self._changed.wait(min(left, 0.5))
        return self._failures == failures

    def shut_down(self, seconds: float = _EXIT_SECONDS) -> None:
        """Exports what is queued and takes nothing more; what is left after the time is lost."""
        if self._is_shut_down:
            return
        self._is_shut_down = True
        self.flush(seconds)
        with self._changed:
            lost = len(self._spans)
            self._spans.clear()
            self._done = self._taken
            self._changed.notify_all()
        if lost:
            self._drop("deadline", lost, "at the end of its shutdown's time")
        try:
            self._exporter.shutdown()
        except Exception:
            _logger.exception("otel-rs: Shutting down a span exporter failed")


def _run(reference: "weakref.ref[PythonBatches]", changed: threading.Condition) -> None:
    while True:
        batches = reference()
        if batches is None or batches._changed is not changed:
            return
        with changed:
            seconds = batches.due()
            del batches
            if seconds:
                changed.wait(seconds)
        batches = reference()
        if batches is None or not batches.export_once(all_of_them=True):
            return
        del batches


def settings(
    max_queue_size: int | None, schedule_delay_millis: float | None, max_export_batch_size: int | None
) -> tuple[int, float, int]:
    """The arguments of a batch processor, or what the ``OTEL_BSP_*`` variables say."""
    return _native.batch_settings(max_queue_size, schedule_delay_millis, max_export_batch_size)
