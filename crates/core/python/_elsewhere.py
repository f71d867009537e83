"""What an interpreter has in place of ``_native`` that is not the first of its process: a copy of it.

Where there can be none (an interpreter with a lock of its own, a system that executes nothing from memory and temporary
files) applications run as without instrumentation, and one line says so.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import find_spec, module_from_spec
from logging import getLogger
from shutil import copyfileobj
from tempfile import NamedTemporaryFile
from types import ModuleType

_TOLD = (
    "otel-rs: otel-rs cannot be loaded in this interpreter, which is not the first of its process (%.200s): nothing is "
    "recorded in it; give each application a process of its own"
)


def load(package: str, error: ImportError) -> ModuleType:
    """A copy, or ``_inert``."""
    return _load_inert(package, error) if "subinterpreters" in str(error) else _load_copy(package)


def _load_copy(package: str) -> ModuleType:
    found = find_spec(f"{package}._native")
    failed: Exception | None = None
    for copied in (_in_a_file, _in_memory):
        try:
            with copied(str(found and found.origin)) as path:
                return _load_from(path, f"{package}._native", str(found and found.origin))
        except Exception as error:  # No such file system, or nothing may be executed from it.
            failed = failed or error
    return _load_inert(package, failed)


def _load_from(path: str, name: str, origin: str) -> ModuleType:
    loader = ExtensionFileLoader(name, path)
    spec = ModuleSpec(name, loader, origin=path, loader_state="copy")
    native = module_from_spec(spec)
    loader.exec_module(native)
    spec.origin = native.__file__ = origin
    return native


# The loader of the system tells libraries apart by their files, once their paths differ. It needs neither later.


@contextmanager
def _in_a_file(origin: str) -> Iterator[str]:
    with NamedTemporaryFile(suffix=os.path.basename(origin)) as copy:
        with open(origin, "rb") as library:
            copyfileobj(library, copy)
        copy.flush()
        yield copy.name


@contextmanager
def _in_memory(origin: str) -> Iterator[str]:
    descriptor = os.memfd_create("otel-rs")
    try:
        with open(origin, "rb") as library, open(descriptor, "wb", closefd=False) as copy:
            copyfileobj(library, copy)
        # The number of a descriptor comes again, so the path spells that of the file too.
        bits = f"{os.fstat(descriptor).st_ino:064b}"
        yield f"/proc/self/{bits.replace('1', './').replace('0', '/')}fd/{descriptor}"
    finally:
        os.close(descriptor)


def _load_inert(package: str, error: Exception | None) -> ModuleType:
    # Once for all packages of otel-rs: loggers belong to an interpreter.
    logger = getLogger("otel_rs")
    if not vars(logger).setdefault("_otel_rs_told", False):
        vars(logger)["_otel_rs_told"] = True
        logger.warning(_TOLD, error)
    return import_module(f"{package}._inert")
