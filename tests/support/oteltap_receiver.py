"""`oteltap`, a receiver that others wrote, in front of :class:`OtlpReceiver`.

oteltap decodes every export with its own OTLP implementation and passes it on; it hands out spans and metrics without
their resource and scope, which is why the receiver behind it is needed too.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings, OtelTapInitializationError

from support.otlp_receiver import OtlpReceiver

_ATTEMPTS = 5


class OtelTapReceiver(OtlpReceiver):
    """An :class:`OtlpReceiver` behind an oteltap; ``tapped_spans`` is what oteltap itself decoded."""

    def __init__(self) -> None:
        super().__init__()
        self.tapped_spans: list[Any] = []
        self._port = 0
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._tap_thread = threading.Thread(target=self._run, name="oteltap", daemon=True)

    @property
    def endpoint(self) -> str:
        """The value for ``OTEL_EXPORTER_OTLP_ENDPOINT``."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> OtelTapReceiver:
        super().__enter__()
        self._tap_thread.start()
        assert self._started.wait(30), "oteltap did not start"
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(self, *exception: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._tap_thread.join(30)
        super().__exit__(*exception)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._receive())
        except BaseException as error:
            self._failure = error
        finally:
            self._started.set()
            self._loop.close()

    async def _receive(self) -> None:
        receiver = await self._start_tap()
        try:
            spans = asyncio.ensure_future(self._collect(receiver))
            self._started.set()
            await self._stop.wait()
        finally:
            await receiver.stop()
        await spans

    async def _start_tap(self) -> OtelTapHttpProtobufReceiver:
        behind = super().endpoint
        for attempt in range(_ATTEMPTS):
            self._port = _free_port()
            receiver = OtelTapHttpProtobufReceiver(
                OtelTapHttpProtobufReceiverSettings(
                    http_port=self._port,
                    reemit_traces_to_url=f"{behind}/v1/traces",
                    reemit_metrics_to_url=f"{behind}/v1/metrics",
                )
            )
            try:
                return await receiver.start()
            except OtelTapInitializationError:
                # Another process may have taken the port since it was found free.
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    async def _collect(self, receiver: OtelTapHttpProtobufReceiver) -> None:
        async for span in receiver.stream_traces():
            self.tapped_spans.append(span)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
