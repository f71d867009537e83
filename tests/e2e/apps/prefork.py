"""A Celery application whose broker is a folder, and a span that the import of the module makes."""

import os

from celery import Celery
from opentelemetry import metrics, trace

folder = os.environ["CELERY_FOLDER"]
app = Celery("prefork", broker="filesystem://", backend=f"file://{folder}")
app.conf.broker_transport_options = {
    "data_folder_in": folder,
    "data_folder_out": folder,
    "control_folder": folder,
}
# Workers are recycled while the pool goes on.
app.conf.worker_max_tasks_per_child = 3


@app.task  # type: ignore[untyped-decorator]  # Celery has no types
def work(number: int) -> int:
    with trace.get_tracer("application").start_as_current_span(f"task {number}"):
        metrics.get_meter("application").create_counter("tasks").add(1)
    return number
