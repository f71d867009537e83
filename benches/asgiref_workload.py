"""The process that is measured for asgiref: it makes bridges between synchronous and asynchronous code, 50 frames deep.

Prints what ``workload.py`` prints, per bridge. The code that calls stands in ten files, as that of an application and
its framework does. Each row makes the same bridges; ``--instrumentor`` says who notes them.
"""

import argparse
import importlib
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asgiref.sync
from workload import measured

DEPTH = 50
FILES = 10


def function() -> None:
    """What is bridged."""


def make_layers(folder: Path) -> Callable[[Callable[[], Any]], Any]:
    """Writes the calling code and imports it; returns its outermost function."""
    sys.path.insert(0, str(folder))
    for file in range(FILES):
        outward = f"from layer_{file + 1} import call_0 as call_next\n" if file + 1 < FILES else ""
        source = f'"""Layer {file}."""\n\n{outward}'
        per_file = DEPTH // FILES
        for number in range(per_file):
            if number + 1 < per_file:
                inner = f"call_{number + 1}(bottom)"
            else:
                inner = "call_next(bottom)" if outward else "bottom()"
            source += f'\n\ndef call_{number}(bottom):\n    """Calls on."""\n    return {inner}\n'
        (folder / f"layer_{file}.py").write_text(source)
    outermost: Callable[[Callable[[], Any]], Any] = importlib.import_module("layer_0").call_0
    return outermost


def instrument(instrumentor: str, limit: int | None) -> None:
    """Instruments asgiref with a package, or as ``opentelemetry-instrumentation-asgiref`` does."""
    if instrumentor != "reference":
        importlib.import_module(instrumentor).AsgirefInstrumentor().instrument(stacktrace_limit=limit)
        return

    from opentelemetry import trace
    from wrapt import wrap_function_wrapper

    tracer = trace.get_tracer("opentelemetry.instrumentation.asgiref")

    def traced(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = f"asgiref.sync.{wrapped.__qualname__}"
        with tracer.start_as_current_span(name) as span:
            stack = "\n".join(traceback.format_stack(limit=limit)[:-1])
            attributes = {"exception.type": name, "exception.stacktrace": stack, "exception.escaped": "False"}
            span.add_event("exception", attributes)
            return wrapped(*args, **kwargs)

    wrap_function_wrapper(asgiref.sync, "sync_to_async", traced)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--warm-up", type=int, required=True)
    parser.add_argument("--instrumentor", default="", help="a module, reference, or nothing")
    parser.add_argument("--limit", default="10", help="of the stacks, or none")
    options = parser.parse_args()
    if options.instrumentor:
        instrument(options.instrumentor, None if options.limit == "none" else int(options.limit))

    with tempfile.TemporaryDirectory() as folder:
        outermost = make_layers(Path(folder))

        def bottom() -> Any:
            return asgiref.sync.sync_to_async(function)

        def drive(requests: int) -> None:
            for _ in range(requests):
                outermost(bottom)

        measured(drive, options.requests, options.warm_up)


if __name__ == "__main__":
    main()
