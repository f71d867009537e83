"""What `opentelemetry-instrumentation-asgiref` does, which is on no index to install it from."""

from __future__ import annotations

import traceback
from typing import Any

import asgiref.sync
from opentelemetry.instrumentation.utils import unwrap
from opentelemetry.trace import TracerProvider
from wrapt import wrap_function_wrapper

SCOPE = "opentelemetry.instrumentation.asgiref"
SCHEMA = "https://opentelemetry.io/schemas/1.25.0"
FUNCTIONS = ("async_to_sync", "sync_to_async")


class ReferenceInstrumentor:
    """A span with a stack around each making of a bridge."""

    def instrument(self, *, tracer_provider: TracerProvider, stacktrace_limit: int | None = 10) -> None:
        """Wraps the two functions in their module, and nowhere else."""
        tracer = tracer_provider.get_tracer(SCOPE, schema_url=SCHEMA)

        def traced(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            name = f"asgiref.sync.{wrapped.__qualname__}"
            with tracer.start_as_current_span(name) as span:
                callers = traceback.format_stack(limit=stacktrace_limit)[:-1]
                event = {
                    "exception.type": name,
                    "exception.stacktrace": "\n".join(callers),
                    "exception.escaped": "False",
                }
                span.add_event("exception", event)
                return wrapped(*args, **kwargs)

        for function in FUNCTIONS:
            wrap_function_wrapper(asgiref.sync, function, traced)

    def uninstrument(self) -> None:
        """Unwraps them."""
        for function in FUNCTIONS:
            unwrap(asgiref.sync, function)
