"""Shows spans and metrics on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from telemetry import Point, Span

_COLOURS = sys.stdout.isatty() and "NO_COLOR" not in os.environ
_BOLD, _DIM, _RED, _GREEN = "1", "2", "31", "32"


def heading(text: str) -> None:
    """A line that begins a section."""
    print(f"\n{_styled(text, _BOLD)}")


def verdict(text: str, good: bool) -> None:
    """The last line."""
    print(f"\n{_styled(text, _GREEN if good else _RED)}")


def show_traces(spans: Sequence[Span]) -> None:
    """Each trace as a tree, oldest first."""
    known = {span.span_id for span in spans}
    for root in (span for span in spans if span.parent_id not in known):
        came_from = f", continues the caller's span {root.parent_id}" if root.parent_id else ""
        print(_styled(f"trace {root.trace_id}{came_from}", _DIM))
        _show_tree(root, spans, "  ", "  ")


def show_metrics(points: Sequence[Point]) -> None:
    """Each metric with its data points."""
    for metric in dict.fromkeys(point.metric for point in points):
        of_metric = [point for point in points if point.metric == metric]
        print(f"  {_styled(metric, _BOLD)} [{of_metric[0].unit}]")
        for point in of_metric:
            value = f"{point.sum:g}" if point.count is None else f"count {point.count}, sum {point.sum:g}"
            keys = ("http.method", "http.target", "http.route", "http.status_code")
            shown = " ".join(f"{key}={point.attributes[key]}" for key in keys if key in point.attributes)
            print(f"    {value:20} {_styled(shown, _DIM)}")


def _show_tree(span: Span, spans: Sequence[Span], first: str, rest: str) -> None:
    status = span.attributes.get("http.status_code", "")
    error = _styled(" ERROR", _RED) if span.status == "ERROR" else ""
    print(f"{first}{span.kind:9}{_styled(f'{span.name:<34}', _BOLD)} {status!s:>3} {span.milliseconds:8.2f} ms{error}")
    for text in (*_facts(span), *span.exceptions):
        print(f"{rest}         {_styled(text, _DIM)}")
    children = [child for child in spans if child.parent_id == span.span_id]
    for child in children:
        last = child is children[-1]
        _show_tree(child, spans, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))


def _facts(span: Span) -> list[str]:
    keys = ("http.route", "http.target", "http.user_agent")
    shown = keys if span.kind == "SERVER" else tuple(span.attributes)
    facts = " ".join(f"{key}={span.attributes[key]}" for key in shown if key in span.attributes)
    return [facts] if facts else []


def _styled(text: str, style: str) -> str:
    return f"\033[{style}m{text}\033[0m" if _COLOURS else text
