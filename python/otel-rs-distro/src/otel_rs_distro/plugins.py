"""The plugins of the project."""

import json
from importlib.resources import files


def instrumented_by_plugin() -> dict[str, list[str]]:
    """The distributions that instrument something, each with those that it instruments; with none if it instruments
    the standard library.

    The table is made from the plugins' own ``pyproject.toml`` when this distribution is built (``hatch_build.py``).
    """
    table: dict[str, list[str]] = json.loads(files("otel_rs_distro").joinpath("plugins.json").read_text())
    return table
