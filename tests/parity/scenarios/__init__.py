"""The scenarios, one file for each subject; a public function of such a file is a scenario."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from parity.bench import Scenario


def all_scenarios() -> dict[str, Scenario]:
    """Every scenario by its name, ``file.function``."""
    found: dict[str, Scenario] = {}
    for module_info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_"):
                found[f"{module_info.name}.{name}"] = function
    return found
