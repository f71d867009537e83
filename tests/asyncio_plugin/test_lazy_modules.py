"""Modules that load with their first use are not loaded by ``instrument()`` and ``uninstrument()``."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from otel_rs_instr_asyncio import AsyncioInstrumentor

from support.telemetry import Telemetry


class Loading(types.ModuleType):
    """Loads when it is asked for anything, as the lazy modules of several libraries do."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"loaded by a look at {name}")


class Missing(types.ModuleType):
    """Loads what it does not have."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"loaded by a look at {name}")


class NoModule:
    """Stands in ``sys.modules`` without being a module."""

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        raise AssertionError("loaded by a look at __dict__")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"loaded by a look at {name}")


class Unequal(str):
    """A name with ideas of its own."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")

    def __hash__(self) -> int:
        return 1


@pytest.mark.parametrize("kind", [Loading, Missing, NoModule])
def test_modules_of_all_kinds_are_left_alone(
    kind: type, monkeypatch: pytest.MonkeyPatch, telemetry: Telemetry, instrumentor: AsyncioInstrumentor
) -> None:
    instrumentor.uninstrument()
    gather = asyncio.gather
    lazy = kind() if kind is NoModule else kind("lazy")
    monkeypatch.setitem(sys.modules, "lazy", lazy)
    instrumentor.instrument(**telemetry.providers)
    assert asyncio.gather is not gather
    instrumentor.uninstrument()
    assert asyncio.gather is gather


def test_what_a_lazy_module_holds_already(
    monkeypatch: pytest.MonkeyPatch, telemetry: Telemetry, instrumentor: AsyncioInstrumentor
) -> None:
    instrumentor.uninstrument()
    gather = asyncio.gather
    lazy = Loading("lazy")
    namespace = types.ModuleType.__getattribute__(lazy, "__dict__")
    namespace["gather"] = gather
    namespace[Unequal("odd")] = gather
    monkeypatch.setitem(sys.modules, "lazy", lazy)
    instrumentor.instrument(**telemetry.providers)
    assert namespace["gather"] is asyncio.gather
    instrumentor.uninstrument()
    assert namespace["gather"] is gather


def test_a_module_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, telemetry: Telemetry, instrumentor: AsyncioInstrumentor
) -> None:
    """Of two functions one is refused: the others are instrumented, and all come back."""

    class Refusing(types.ModuleType):
        def __setattr__(self, name: str, value: Any) -> None:
            if name == "gather":
                raise ValueError("not here")
            super().__setattr__(name, value)

    instrumentor.uninstrument()
    before = {name: getattr(asyncio, name) for name in asyncio.__all__}
    monkeypatch.setattr(asyncio, "__class__", Refusing)
    instrumentor.instrument(**telemetry.providers)
    assert asyncio.gather is before["gather"]
    assert asyncio.wait is not before["wait"]
    instrumentor.uninstrument()
    assert {name: getattr(asyncio, name) for name in before} == before


LAZY = """
import importlib.util, sys

def lazy(name):
    spec = importlib.util.find_spec(name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
"""


def run(program: str, folder: Path) -> list[str]:
    finished = subprocess.run(
        [sys.executable, "-c", LAZY + program], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.split()


@pytest.mark.parametrize("early", [True, False])
def test_a_module_that_imports_from_the_library_when_it_loads(early: bool, tmp_path: Path) -> None:
    (tmp_path / "heavy.py").write_text("print('loaded')\nfrom asyncio import gather\n")
    program = """
import asyncio
from otel_rs_instr_asyncio import AsyncioInstrumentor
# Not as a global, which would be replaced.
original, heavy = [asyncio.gather], lazy("heavy")
AsyncioInstrumentor().instrument()
print(asyncio.gather is not original[0])
if EARLY: print(heavy.gather is asyncio.gather)
AsyncioInstrumentor().uninstrument()
print(asyncio.gather is original[0], heavy.gather is original[0])
""".replace("EARLY", str(early))
    assert run(program, tmp_path) == ["True", "loaded", *["True"] * (3 if early else 2)]


@pytest.mark.parametrize("installed", ["before", "after"])
def test_a_library_that_loads_with_its_first_use(installed: str, tmp_path: Path) -> None:
    """The patched module itself, which nobody has used yet; the import hooks are there before it, or come after it."""
    program = """
from otel_rs_instr_asgiref import AsgirefInstrumentor
instrumentor = AsgirefInstrumentor()
instrument = lambda: instrumentor.instrument(skip_dep_check=True)
names = ("async_to_sync", "sync_to_async")
assert "asgiref.sync" not in sys.modules
if INSTALLED == "before": instrument()
sync = lazy("asgiref.sync")
if INSTALLED == "after": instrument()
print("concurrent.futures.thread" in sys.modules)
print(len([name for name in names if hasattr(getattr(sync, name), "__wrapped__")]))
print(type(sync.__spec__.loader).__name__)
instrumentor.uninstrument()
print(len([name for name in names if hasattr(getattr(sync, name), "__wrapped__")]))
instrument()
print(len([name for name in names if hasattr(getattr(sync, name), "__wrapped__")]))
""".replace("INSTALLED", repr(installed))
    loaded, *rest = run(program, tmp_path)
    assert loaded == "False" or installed == "before"
    assert rest == ["2", "SourceFileLoader", "0", "2"]


def test_a_library_that_loads_after_the_end(tmp_path: Path) -> None:
    program = """
from otel_rs_instr_asgiref import AsgirefInstrumentor
sync = lazy("asgiref.sync")
AsgirefInstrumentor().instrument(skip_dep_check=True)
AsgirefInstrumentor().uninstrument()
print(type(sync).__name__, hasattr(sync.async_to_sync, "__wrapped__"), type(sync).__name__)
"""
    assert run(program, tmp_path) == ["_LazyModule", "False", "module"]
