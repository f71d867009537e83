"""Fails for a function that Python calls, or a class that Python drops, which is not in the guard.

Each ``#[pymethods]``, ``#[pyfunction]``, ``#[pymodule]`` and ``#[pyclass]`` of the crates has ``#[guarded]`` among its
attributes. A class with a ``Drop`` of its own enters the guard there instead.
"""

import re
import sys
from pathlib import Path

_ENTRY = re.compile(r"^\s*#\[(?:pyo3::)?(pymethods|pyfunction|pymodule|pyclass)\b")
_ATTRIBUTE = re.compile(r"^\s*(#\[|///|//)")
_CLASS = re.compile(r"\b(?:struct|enum) (\w+)")


def unguarded(source: str) -> list[int]:
    """The lines, counted from 1, of entries without the guard."""
    lines = source.splitlines()
    found = []
    for number, line in enumerate(lines):
        entry = _ENTRY.match(line)
        if entry is None:
            continue
        first = number
        while first > 0 and _ATTRIBUTE.match(lines[first - 1]):
            first -= 1
        if any(line.strip() == "#[guarded]" for line in lines[first:number]):
            continue
        name = _CLASS.search("\n".join(lines[number + 1 : number + 6]))
        if entry[1] == "pyclass" and name is not None and _drop_enters(source, name[1]):
            continue
        found.append(number + 1)
    return found


def _drop_enters(source: str, name: str) -> bool:
    drop = re.search(rf"impl Drop for {name} \{{.*?\n\}}", source, re.DOTALL)
    return drop is not None and "guard" in drop[0]


def main() -> int:
    """Prints what is not guarded; returns the exit status."""
    status = 0
    for path in sorted(Path("crates").glob("*/src/**/*.rs")):
        for line in unguarded(path.read_text()):
            print(f"{path}:{line}: Python calls this outside of the guard; put #[guarded] before it")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
