"""Where ours differ from stock on purpose. Each has a row of the same name in ``docs/differences.md``."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass

OURS = ("ours-on-stock-sdk", "ours-native")
NATIVE = ("ours-native",)


@dataclass(frozen=True)
class Deviation:
    """A difference that is meant.

    ``scenarios`` are patterns (``fnmatch``), ``line`` is a regular expression for the lines of ``compare.differences``.
    """

    name: str
    reason: str
    scenarios: tuple[str, ...]
    line: str
    stacks: tuple[str, ...] = OURS
    conventions: tuple[str, ...] = ("old", "stable", "both")

    def applies(self, scenario: str, stack: str, convention: str) -> bool:
        """Whether it is expected there."""
        named = any(fnmatch.fnmatch(scenario, pattern) for pattern in self.scenarios)
        return named and stack in self.stacks and convention in self.conventions

    def covers(self, line: str) -> bool:
        """Whether the difference is this one."""
        return re.search(self.line, line) is not None


DEVIATIONS = (
    Deviation(
        name="Streamed bodies",
        reason="the span of a streamed response lasts until its last chunk and is the parent of what the body does",
        scenarios=("streaming.spans_in_the_body",),
        line=r"^spans\[1\]\.(parent|trace): ",
    ),
    Deviation(
        name="Copies of a request context",
        reason="what runs in one is in the trace of its request, also in another thread",
        scenarios=("surroundings.other_thread",),
        line=r"^(notes\[0\]\[0\]\[1\]|spans\[1\]\.(parent|trace)): ",
    ),
    Deviation(
        name="Duration of a WSGI response",
        reason="it lasts until a body without a length has ended, and has the status of a response that started late",
        scenarios=("wsgi_middleware.lazy_application",),
        line=r"^metrics\.opentelemetry\.instrumentation\.wsgi http\.server\.(duration|request\.duration)\.points\.",
    ),
    Deviation(
        name="Metric attributes without a value",
        reason="the Rust SDK has no attribute value that stands for None, which is what the server name of a request "
        "without SERVER_NAME is",
        scenarios=("environs.absent_keys", "generated-*-hostile"),
        line=r"\.points\.\{(?!.*'http\.server_name': \"').*'http\.method': ",
        stacks=NATIVE,
        conventions=("old", "both"),
    ),
)


def unexplained(scenario: str, stack: str, convention: str, lines: Iterable[str]) -> list[str]:
    """The differences that no deviation covers, and a line for each deviation that has nothing left to cover."""
    rest = list(lines)
    for deviation in DEVIATIONS:
        if not deviation.applies(scenario, stack, convention):
            continue
        remaining = [line for line in rest if not deviation.covers(line)]
        if len(remaining) == len(rest):
            remaining.append(f"the deviation {deviation.name!r} is no longer there: delete it")
        rest = remaining
    return rest
