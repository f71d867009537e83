"""mlflow records its traces by the provider that is there."""

import mlflow
from opentelemetry import trace

before = trace.get_tracer_provider()


@mlflow.trace(name="step")
def step() -> int:
    return 1


with trace.get_tracer("shop").start_as_current_span("question"):
    step()
    step()
print(trace.get_tracer_provider() is before, type(trace.get_tracer_provider()).__module__)
