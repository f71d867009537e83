"""A pytest plugin that puts our modules under the stock packages' names, before a stock suite imports them.

The adapters add the private names that the suites import or patch. They hold the stock names for what ours has or has
no need of; no behaviour is in them.
"""

import sys
import weakref
from types import ModuleType
from typing import Any

import flask
import opentelemetry.context
import otel_rs_instr_flask
import otel_rs_instr_wsgi
from opentelemetry.util.http import get_excluded_urls


def _request_context_reference() -> "weakref.ReferenceType[Any]":
    return weakref.ref(flask.globals.request_ctx._get_current_object())  # type: ignore[attr-defined]


def _install(name: str, ours: ModuleType, private: dict[str, Any]) -> None:
    module = ModuleType(name)
    vars(module).update({public: getattr(ours, public) for public in ours.__all__}, **private)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    setattr(sys.modules[parent], child, module)


_install("opentelemetry.instrumentation.wsgi", otel_rs_instr_wsgi, {})
_install(
    "opentelemetry.instrumentation.flask",
    otel_rs_instr_flask,
    {
        "_ENVIRON_ACTIVATION_KEY": "opentelemetry-flask.activation_key",
        "_ENVIRON_TOKEN": "opentelemetry-flask.token",
        "_IS_FLASK_31_PLUS": True,
        "_excluded_urls_from_env": get_excluded_urls("FLASK"),
        "_request_ctx_ref": _request_context_reference,
        "context": opentelemetry.context,
    },
)
