"""Makes ``_native`` importable in every interpreter of a process.

What is static in a native library serves one interpreter. The first one of a process has the library itself, others
(under mod_wsgi, or uWSGI with several mounts) what ``_elsewhere`` finds for them.
"""

import sys
from importlib import import_module
from types import ModuleType


def load(package: str) -> bool:
    """Loads ``_native``, or what goes in its place; answers whether it is native."""
    try:
        import_module(f"{package}._native")
    except ImportError as error:
        # The words are those of the native module, and of CPython where it loads none in a sub-interpreter.
        if "another interpreter" not in str(error) and "subinterpreters" not in str(error):
            raise
        found: ModuleType = import_module(f"{package}._elsewhere").load(package, error)
        sys.modules[f"{package}._native"] = found
        vars(sys.modules[package])["_native"] = found
        return found.__name__ == f"{package}._native"
    return True


IS_NATIVE = load(__name__.rpartition(".")[0])
