"""Samplers and id generators of other packages, by the names of their entry points."""

from logging import getLogger
from os import environ
from typing import Any

_logger = getLogger(__name__)

SAMPLER = "OTEL_TRACES_SAMPLER"
SAMPLER_ARGUMENT = "OTEL_TRACES_SAMPLER_ARG"
ID_GENERATOR = "OTEL_PYTHON_ID_GENERATOR"

_NATIVE_SAMPLERS = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)
_NATIVE_ID_GENERATORS = ("random",)


def configured_sampler() -> Any:
    """The sampler that ``OTEL_TRACES_SAMPLER`` names: native, or what a package's factory makes of
    ``OTEL_TRACES_SAMPLER_ARG``.

    Without the one that was asked for everything is sampled, which may be a hundred times as much: the line says so.
    """
    from otel_rs_sdk import DEFAULT_ON, sampler_from_environment

    name = environ.get(SAMPLER, "").strip()
    if not name or name.lower() in _NATIVE_SAMPLERS:
        return sampler_from_environment()
    try:
        sampler = _factory("opentelemetry_traces_sampler", name)(environ.get(SAMPLER_ARGUMENT))
        if not callable(getattr(sampler, "should_sample", None)):
            raise TypeError(f"{type(sampler).__name__} is no sampler")
    except Exception as error:
        _report(
            SAMPLER,
            name,
            error,
            ", ".join(_NATIVE_SAMPLERS),
            "parentbased_always_on: 100 % of the traces that begin here are sampled now",
        )
        return DEFAULT_ON
    return sampler


def configured_id_generator() -> Any:
    """The id generator that ``OTEL_PYTHON_ID_GENERATOR`` names, or None for the native one."""
    name = environ.get(ID_GENERATOR, "").strip()
    if not name or name.lower() in _NATIVE_ID_GENERATORS:
        return None
    try:
        generator = _factory("opentelemetry_id_generator", name)()
        if not (hasattr(generator, "generate_trace_id") and hasattr(generator, "generate_span_id")):
            raise TypeError(f"{type(generator).__name__} is no id generator")
    except Exception as error:
        _report(ID_GENERATOR, name, error, ", ".join(_NATIVE_ID_GENERATORS), "random ids")
        return None
    return generator


def _factory(group: str, name: str) -> Any:
    from importlib.metadata import entry_points

    points = list(entry_points(group=group))
    # As it is written, else in any case.
    for point in (*(p for p in points if p.name == name), *(p for p in points if p.name.lower() == name.lower())):
        return point.load()
    raise LookupError("no installed package offers it")


def _report(variable: str, name: str, error: Exception, native: str, used: str) -> None:
    _logger.warning(
        "otel-rs: %s is %.100r (%s: %.100s); expected %s or what an installed package offers; using %s",
        variable,
        name,
        type(error).__name__,
        " ".join(str(error).split()),
        native,
        used,
    )
