"""Lets the API start although ``OTEL_PROPAGATORS`` or ``OTEL_PYTHON_CONTEXT`` names something that is not there.

The API reads both when it is imported. It raises for a propagator that it does not find, so that no application starts,
and logs a traceback for a runtime context. With this in place an unknown name is left out, and one line says so.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec
from os import environ, path
from types import ModuleType
from typing import Any

PROPAGATORS = "OTEL_PROPAGATORS"
CONTEXT = "OTEL_PYTHON_CONTEXT"

# Of the API itself.
_W3C = ("tracecontext", "baggage")
_NONE = "none"

Execute = Callable[[ModuleType], None]


def survive_wrong_names() -> None:
    """Watches over the import of the modules of the API that read the variables which are set."""
    for variable, module, execute in (
        (PROPAGATORS, "opentelemetry.propagate", _execute_propagate),
        (CONTEXT, "opentelemetry.context", _execute_context),
    ):
        if variable in environ and module not in sys.modules:
            sys.meta_path.insert(0, _Watch(module, execute))


class _Watch:
    """A finder that lets the others find one module, once, and then executes it in its own way."""

    def __init__(self, module: str, execute: Callable[[Execute, ModuleType], None]) -> None:
        self._module = module
        self._execute = execute

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Called by ``import``."""
        if fullname != self._module or self not in sys.meta_path:
            return None
        sys.meta_path.remove(self)
        finders = [finder.find_spec for finder in sys.meta_path if hasattr(finder, "find_spec")]
        found = (find_spec(fullname, path, target) for find_spec in finders)
        spec = next((spec for spec in found if spec is not None), None)
        # Loaders that take no attribute execute the module as it is.
        if spec is not None and hasattr(spec.loader, "exec_module"):
            with suppress(AttributeError, TypeError):
                self._take_over(spec.loader)
        return spec

    def _take_over(self, loader: Any) -> None:
        original: Execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            # One loader may serve many modules (that of an archive).
            if module.__name__ == self._module:
                self._execute(original, module)
            else:
                original(module)

        loader.exec_module = exec_module


def _execute_propagate(execute: Execute, module: ModuleType) -> None:
    written = environ.get(PROPAGATORS, "")
    names = _listed(written)
    reasons: list[str] = []
    if _NONE in names:
        if len(names) > 1:
            reasons.append("'none' turns all of them off")
        names = [_NONE]
    try:
        with _variable(PROPAGATORS, ",".join(names)), _silenced(module.__name__):
            execute(module)
    except Exception:
        names, reasons = _usable(names)
        with _variable(PROPAGATORS, ",".join(names)):
            execute(module)
    if reasons:
        _warn(
            f"{PROPAGATORS} is {written[:200]!r}; expected {', '.join((*_W3C, _NONE))} or what an installed package "
            f"offers; using {','.join(names) or ','.join(_W3C)}: {'; '.join(reasons)}"
        )


def _execute_context(execute: Execute, module: ModuleType) -> None:
    written = environ.get(CONTEXT, "")
    with _variable(CONTEXT, written.strip()), _silenced(module.__name__) as silenced:
        execute(module)
    if silenced:
        _warn(
            f"{CONTEXT} is {written[:200]!r}; expected contextvars_context or what an installed package offers; using "
            "contextvars_context"
        )


def _listed(written: str) -> list[str]:
    """The names, each once; those of the API itself in any case."""
    names = []
    for name in (part.strip() for part in written.split(",")):
        lower = name.lower()
        names.append(lower if lower in (*_W3C, _NONE) else name)
    return list(dict.fromkeys(filter(None, names)))


def _usable(names: list[str]) -> tuple[list[str], list[str]]:
    """Those of ``names`` that can be loaded, as they are spelled where they are installed, and why others cannot."""
    from importlib.metadata import entry_points

    installed = {point.name: point for point in entry_points(group="opentelemetry_propagator")}
    by_lower = {name.lower(): name for name in installed}
    usable, reasons = [], []
    for name in names:
        point = installed.get(by_lower.get(name.lower(), ""))
        if point is None:
            reasons.append(f"{name[:50]!r} is misspelled or not installed")
            continue
        try:
            point.load()()
        except Exception as error:
            reasons.append(f"{name[:50]!r} cannot be loaded ({type(error).__name__}: {str(error)[:100]})")
        else:
            usable.append(point.name)
    return usable, reasons


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """Gives a variable another value, or none if that is empty; children keep what was written."""
    before = environ.pop(name, None)
    if value:
        environ[name] = value
    try:
        yield
    finally:
        if before is not None:
            environ[name] = before


@contextmanager
def _silenced(logger: str) -> Iterator[list[object]]:
    """Keeps a logger's errors off the log, and collects them."""
    from logging import ERROR, LogRecord, getLogger

    kept: list[object] = []

    def drop(record: LogRecord) -> bool:
        if record.levelno >= ERROR:
            kept.append(record)
        return record.levelno < ERROR

    getLogger(logger).addFilter(drop)
    try:
        yield kept
    finally:
        getLogger(logger).removeFilter(drop)


def _warn(message: str) -> None:
    # The launcher imports the API in a process of its own before the application does: one line is enough.
    if path.basename(getattr(sys, "argv", [""])[0]) == "opentelemetry-instrument":
        return
    from logging import getLogger

    getLogger("otel_rs_distro").warning("otel-rs: %s", message)
