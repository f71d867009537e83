"""A pytest plugin that puts our modules under the stock packages' names, before a stock suite imports them.

The adapters, one for each suite, add the private names that the suites import or patch. They hold the stock names for
what ours has or has no need of; no behaviour is in them.
"""

import sys
import weakref
from types import ModuleType
from typing import Any

import flask
import opentelemetry.context
import otel_rs_instr_asyncio
import otel_rs_instr_flask
import otel_rs_instr_wsgi
from opentelemetry.util.http import get_excluded_urls

STOCK = "opentelemetry.instrumentation"


def _install(name: str, contents: dict[str, Any]) -> None:
    module = ModuleType(name)
    vars(module).update(contents)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    setattr(sys.modules[parent], child, module)


def _public(ours: ModuleType) -> dict[str, Any]:
    return {name: getattr(ours, name) for name in ours.__all__}


def _wsgi() -> None:
    _install(f"{STOCK}.wsgi", _public(otel_rs_instr_wsgi))


def _flask() -> None:
    def request_context_reference() -> "weakref.ReferenceType[Any]":
        return weakref.ref(flask.globals.request_ctx._get_current_object())  # type: ignore[attr-defined]

    private = {
        "_ENVIRON_ACTIVATION_KEY": "opentelemetry-flask.activation_key",
        "_ENVIRON_TOKEN": "opentelemetry-flask.token",
        "_IS_FLASK_31_PLUS": True,
        "_excluded_urls_from_env": get_excluded_urls("FLASK"),
        "_request_ctx_ref": request_context_reference,
        "context": opentelemetry.context,
    }
    _install(f"{STOCK}.flask", _public(otel_rs_instr_flask) | private)


def _asyncio() -> None:
    native = otel_rs_instr_asyncio._native
    variables = (
        "OTEL_PYTHON_ASYNCIO_COROUTINE_NAMES_TO_TRACE",
        "OTEL_PYTHON_ASYNCIO_FUTURE_TRACE_ENABLED",
        "OTEL_PYTHON_ASYNCIO_TO_THREAD_FUNCTION_NAMES_TO_TRACE",
    )
    readers = ("get_coros_to_trace", "get_future_trace_enabled", "get_to_thread_to_trace")
    _install(f"{STOCK}.asyncio", _public(otel_rs_instr_asyncio))
    _install(f"{STOCK}.asyncio.environment_variables", {name: name for name in variables})
    _install(f"{STOCK}.asyncio.utils", {name: getattr(native, name) for name in readers})


for _adapter in (_wsgi, _flask, _asyncio):
    _adapter()
