"""What is to be done when somebody imports a module that we do not import ourselves."""

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from logging import getLogger
from types import ModuleType
from typing import Any

_logger = getLogger("otel_rs_sdk")

_waiting: dict[str, Callable[[Any], None]] = {}


def when_imported(name: str, action: Callable[[Any], None]) -> None:
    """Calls ``action`` with the module of that name: now if it is imported, else right after it is."""
    module = sys.modules.get(name)
    if module is not None:
        _run(action, module)
        return
    _waiting[name] = action
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


class _Finder:
    """Finds what the other finders find, and has the loader of an awaited module tell us.

    It does not derive from ``importlib.abc.MetaPathFinder``, whose module imports thirty others.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _waiting:
            return None
        for finder in list(sys.meta_path):
            find_spec = getattr(finder, "find_spec", None)
            if finder is not self and find_spec is not None:
                spec: ModuleSpec | None = find_spec(fullname, path, target)
                if spec is not None:
                    _watch(spec)
                    return spec
        return None


_finder = _Finder()


def _watch(spec: ModuleSpec) -> None:
    loader: Any = spec.loader
    execute = getattr(loader, "exec_module", None)
    if execute is None:
        return

    def exec_module(module: ModuleType) -> None:
        execute(module)
        action = _waiting.pop(module.__name__, None)
        if action is not None:
            _run(action, module)
        if not _waiting and _finder in sys.meta_path:
            sys.meta_path.remove(_finder)

    try:
        loader.exec_module = exec_module
    except AttributeError:
        # A loader that takes no attributes: the classes of that module do not know ours.
        return


def _run(action: Callable[[Any], None], module: ModuleType) -> None:
    try:
        action(module)
    except Exception as error:
        _logger.warning(
            "otel-rs: The classes of %s do not know ours (%s: %s); libraries may put a provider of their own in the "
            "place of this one",
            module.__name__,
            type(error).__name__,
            error,
        )
