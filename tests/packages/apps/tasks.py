"""Tasks of celery over a broker of files; run as a program it sends six of them."""

import os
import sys

from celery import Celery

FOLDER = os.environ["BROKER_FOLDER"]

app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {"data_folder_in": FOLDER, "data_folder_out": FOLDER}
app.conf.worker_hijack_root_logger = False


@app.task(name="shop.add")
def add(first: int, second: int) -> int:
    return first + second


if __name__ == "__main__":
    sys.modules.setdefault("tasks", sys.modules[__name__])
    for number in range(6):
        add.delay(number, 1)
