"""What tools see of a function: with a plugin's wrapper in its place it must be what they see without."""

from __future__ import annotations

import asyncio
import copy
import dis
import functools
import inspect
import io
import pickle
import pydoc
import re
import types
import typing
import weakref
from collections.abc import Callable
from typing import Any
from unittest import mock


def observe(function: Any, resolve: Callable[[], Any]) -> dict[str, Any]:
    """What tools say of ``function``, which ``resolve`` finds in its place."""
    seen: dict[str, Any] = {}
    for name, look in OBSERVATIONS.items():
        try:
            seen[name] = look(function)
        except Exception as error:
            seen[name] = type(error), re.sub(r"0x[0-9a-f]+", "…", str(error))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        # The one written in Python is what multiprocessing and cloudpickle derive from where the other is not.
        for dumps in (pickle.dumps, pickle._dumps):  # type: ignore[attr-defined]
            seen[f"{dumps.__name__}, protocol {protocol}"] = pickle.loads(dumps(function, protocol)) is resolve()
    return seen


def _attribute_of_its_own(function: Any) -> Any:
    function.attribute = 1
    there = [function.attribute, vars(function)["attribute"], "attribute" in dir(function)]
    del function.attribute
    return there, hasattr(function, "attribute"), dict(vars(function))


def _documentation_replaced(function: Any) -> Any:
    before = function.__doc__
    function.__doc__ = "replaced"
    replaced = function.__doc__, inspect.getdoc(function)
    function.__doc__ = before
    return replaced, function.__doc__


def _shown_by_dis(function: Any) -> str:
    text = io.StringIO()
    dis.dis(function, file=text)
    return re.sub(r"0x[0-9a-f]+", "…", text.getvalue())


def _wrapped_in_turn(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper() -> None: ...

    names = (*functools.WRAPPER_ASSIGNMENTS, "__dict__")
    shown = {name: getattr(wrapper, name) for name in names if name != "__type_params__"}
    shown["__dict__"] = {name: value for name, value in shown["__dict__"].items() if name != "__wrapped__"}
    return shown, str(inspect.signature(wrapper))


def _autospec(function: Any) -> Any:
    spec = mock.create_autospec(function)
    refused = ""
    try:
        result = spec()
        if inspect.iscoroutine(result):
            result.close()
    except TypeError as error:
        refused = str(error)
    return type(spec).__name__, str(inspect.signature(spec)), asyncio.iscoroutinefunction(spec), refused


OBSERVATIONS: dict[str, Callable[[Any], Any]] = {
    "isfunction": inspect.isfunction,
    "isbuiltin": inspect.isbuiltin,
    "isroutine": inspect.isroutine,
    "ismethod": inspect.ismethod,
    "isclass": inspect.isclass,
    "ismethoddescriptor": inspect.ismethoddescriptor,
    "isdatadescriptor": inspect.isdatadescriptor,
    "iscoroutinefunction": inspect.iscoroutinefunction,
    "asyncio.iscoroutinefunction": asyncio.iscoroutinefunction,
    "isgeneratorfunction": inspect.isgeneratorfunction,
    "isasyncgenfunction": inspect.isasyncgenfunction,
    "types": lambda function: isinstance(function, (types.FunctionType, types.LambdaType)),
    "class": lambda function: function.__class__,
    "subclass": lambda function: issubclass(function.__class__, types.FunctionType),
    "as a type": lambda function: isinstance(1, function),
    "as a base": lambda function: types.new_class("Derived", (function,)),
    "file": inspect.getfile,
    "source": inspect.getsource,
    "source lines": inspect.getsourcelines,
    "module": inspect.getmodule,
    "documentation": inspect.getdoc,
    "signature": lambda function: str(inspect.signature(function)),
    "signature of itself": lambda function: str(inspect.signature(function, follow_wrapped=False)),
    "arguments": lambda function: inspect.getfullargspec(function),
    "bound arguments": lambda function: inspect.getcallargs(function, 1, 2, 3, 4, 5, 6),
    "closure variables": lambda function: inspect.getclosurevars(function).builtins,
    "type hints": typing.get_type_hints,
    "help": lambda function: pydoc.plain(pydoc.render_doc(function)),
    "code": lambda function: function.__code__,
    "disassembled": _shown_by_dis,
    "defaults": lambda function: (function.__defaults__, function.__kwdefaults__),
    "closure": lambda function: function.__closure__,
    "globals": lambda function: id(function.__globals__),
    "annotations": lambda function: function.__annotations__,
    "names": lambda function: (function.__name__, function.__qualname__, function.__module__),
    "directory": dir,
    "namespace": lambda function: dict(vars(function)),
    "text": repr,
    "truth": bool,
    "hash": hash,
    "equality": lambda function: (function == inspect.unwrap(function), inspect.unwrap(function) == function),
    "inequality": lambda function: (function != inspect.unwrap(function), function == 1, function != len),
    "key": lambda function: {inspect.unwrap(function): 1}.get(function),
    "copy": lambda function: copy.copy(function) is function and copy.deepcopy([function])[0] is function,
    "weak": lambda function: weakref.ref(function)() is function,
    "partial": lambda function: str(inspect.signature(functools.partial(function, 1))),
    "wraps": _wrapped_in_turn,
    "singledispatch": lambda function: str(inspect.signature(functools.singledispatch(function))),
    "dispatched": lambda function: functools.singledispatch(lambda given: "object").dispatch(function.__class__)(0),
    "method": lambda function: repr(types.MethodType(function, 1)),
    "autospec": _autospec,
    "attribute": _attribute_of_its_own,
    "documentation replaced": _documentation_replaced,
    "attribute that is refused": lambda function: setattr(function, "__code__", 1),
    "attribute that is not there": lambda function: delattr(function, "attribute"),
}
