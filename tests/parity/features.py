"""What generated requests have met, so that a generator that stops reaching something is noticed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from parity.generator import Batch, Case
from parity.wsgi_client import Answer


def count_features(batches: Iterable[Batch], records: dict[str, Any]) -> Counter[str]:
    """How many requests met each feature, by what was sent and what stock answered."""
    counts: Counter[str] = Counter()
    for batch in batches:
        library = "WSGI" if batch.shape.startswith("wsgi") else "Flask"
        for case, answer in zip(batch.cases, records[batch.label]["answers"], strict=True):
            counts["requests"] += 1
            counts[f"{library} requests"] += 1
            counts[f"shape {batch.shape}"] += 1
            counts.update(_of_case(case))
            counts.update(_of_answer(answer))
        for span in records[batch.label]["spans"]:
            counts[f"span {span['kind']}"] += 1
            counts.update(_of_span(span))
    return counts


def _of_case(case: Case) -> Iterable[str]:
    known = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY")
    yield "method known" if case.method in known else "method unknown"
    if case.query:
        yield "query string"
    if not case.path.isascii():
        yield "path beyond ASCII"
    for header in case.headers:
        yield f"header {header}"
    for key, value in case.overrides.items():
        yield f"environ without {key}" if value is None else f"environ with odd {key}"


def _of_answer(answer: Answer) -> Iterable[str]:
    if answer["raised"]:
        yield "an exception reaches the server"
    elif answer["status"]:
        yield f"status {answer['status'][0]}xx"
    if "start_response with exc_info" in answer["calls"]:
        yield "response started anew"
    if any(call.startswith("write") for call in answer["calls"]):
        yield "body written with write()"


def _of_span(span: dict[str, Any]) -> Iterable[str]:
    if span["events"]:
        yield "span with an exception"
    if span["trace"].startswith("0af"):
        yield "span of a remote trace"
    if "http.route" not in span["attributes"] and span["kind"] == "SERVER":
        yield "span without a route"
    if span["name"] == "child":
        yield "span of the application's own"
    if "http.url" in span["attributes"]:
        yield "span with a rebuilt URL"
    if any(key.startswith("http.request.header") for key in span["attributes"]):
        yield "span with a captured header"


def table(counts: Counter[str]) -> str:
    """The counts, one feature in a line."""
    return "\n".join(f"{count:8} {feature}" for feature, count in sorted(counts.items()))
