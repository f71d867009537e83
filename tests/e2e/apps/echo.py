"""An ASGI application that makes a span for each request; the path says how many milliseconds it takes."""

import asyncio
import sys
from typing import Any

from opentelemetry import trace


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    print(f"serving {scope['path']}", file=sys.stderr, flush=True)
    with trace.get_tracer("application").start_as_current_span("request"):
        await asyncio.sleep(int(scope["path"].rpartition("/")[2]) / 1000)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
