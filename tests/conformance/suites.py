"""Which stock suites are run, and what is not asked of us."""

import re
from dataclasses import dataclass, field

from support.environments import PINS


@dataclass(frozen=True)
class Suite:
    """The suite in the source distribution of a stock package."""

    package: str
    """Distribution on PyPI."""
    ours: str
    """The distribution of ours that takes its place."""
    tests: int
    """How many of its tests pass on the stock package, in the pinned version."""
    timed: tuple[str, ...] = ()
    """Tests that hold a duration to within milliseconds of what their own clock says, which needs an idle processor."""
    not_applicable: dict[str, str] = field(default_factory=dict)
    """Test id to reason. Only a test that asserts on a call of a private Python function may stand here."""

    @property
    def version(self) -> str:
        """The version that the constraints pin."""
        pin = re.search(rf"^{re.escape(self.package)}==(\S+)$", PINS.read_text(), re.MULTILINE)
        assert pin, f"{self.package} is not pinned in {PINS}"
        return pin[1]


SUITES = [
    Suite(
        "opentelemetry-instrumentation-flask",
        ours="otel-rs-instr-flask",
        tests=60,
        timed=("test_flask_metrics", "test_flask_metric_values"),
    ),
    Suite("opentelemetry-instrumentation-wsgi", ours="otel-rs-instr-wsgi", tests=52),
    Suite("opentelemetry-instrumentation-asyncio", ours="otel-rs-instr-asyncio", tests=24),
]
