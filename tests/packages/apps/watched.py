"""A library that brings a processor of its own to the provider that is there."""

import os

import langwatch
from opentelemetry import trace

before = trace.get_tracer_provider()
langwatch.setup(api_key="none", endpoint_url=os.environ["VENDOR_SERVICE"])


@langwatch.span(name="step")
def step() -> int:
    return 1


with trace.get_tracer("shop").start_as_current_span("question"):
    step()
    step()
print(trace.get_tracer_provider() is before, type(trace.get_tracer_provider()).__module__)
trace.get_tracer_provider().force_flush()
