"""One instrumentor that fails does not cost the others."""

from typing import Any

import pytest
from opentelemetry.instrumentation.dependencies import DependencyConflict, DependencyConflictError

from otel_rs_distro.distro import OtelRsDistro


class EntryPoint:
    """An entry point whose instrumentor raises ``error``."""

    name = "example"

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
        self.arguments: dict[str, Any] = {}

    def load(self) -> Any:
        return lambda: self

    def instrument(self, **arguments: Any) -> None:
        self.arguments = arguments
        if self.error is not None:
            raise self.error


def test_arguments_are_passed_on() -> None:
    entry_point = EntryPoint(None)
    OtelRsDistro().load_instrumentor(entry_point, skip_dep_check=True)
    assert entry_point.arguments == {"skip_dep_check": True}


def test_a_failure_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    OtelRsDistro().load_instrumentor(EntryPoint(ValueError("broken")))
    assert [(record.levelname, "example" in record.message) for record in caplog.records] == [("ERROR", True)]


@pytest.mark.parametrize(
    "error",
    [ImportError("no binary"), ModuleNotFoundError("no library"), DependencyConflictError(DependencyConflict("flask"))],
    ids=lambda error: type(error).__name__,
)
def test_what_the_launcher_handles_goes_through(error: Exception) -> None:
    with pytest.raises(type(error)):
        OtelRsDistro().load_instrumentor(EntryPoint(error))
