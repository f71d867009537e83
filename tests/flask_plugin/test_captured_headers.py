"""Captured request headers are there when the sampler is asked, and end up on the span as with the stock packages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
import otel_rs_sdk
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider, sampling
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otel_rs_instr_flask import FlaskInstrumentor
from otel_rs_instr_wsgi import OpenTelemetryMiddleware

from parity.wsgi_client import call, environ

KEY = "http.request.header.x_tenant"
Hook = Callable[[trace.Span, dict[str, Any]], None]
Send = Callable[..., tuple[ReadableSpan, dict[str, Any]]]


@pytest.fixture(params=["stock-sdk", "native"])
def send(request: pytest.FixtureRequest, instrumentor: FlaskInstrumentor, monkeypatch: pytest.MonkeyPatch) -> Send:
    """Sends a request through Flask or the WSGI middleware; returns its span, and what the sampler was asked with."""
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST", "X-Tenant,X-Secret")
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS", "secret")
    native = request.param == "native"
    sdk: Any = otel_rs_sdk if native else sampling

    def send(
        library: str,
        *,
        hook: Hook | None = None,
        answer: Callable[[Any], Any] = lambda attributes: attributes,
        parent_based: bool = False,
    ) -> tuple[ReadableSpan, dict[str, Any]]:
        asked: dict[str, Any] = {}

        class Spy(sdk.Sampler):  # type: ignore[misc]
            def should_sample(self, parent_context: Any, trace_id: int, name: str, *rest: Any, **named: Any) -> Any:
                attributes: Any = named.get("attributes", rest[1] if len(rest) > 1 else None)
                asked.update(attributes)
                return sdk.SamplingResult(sdk.Decision.RECORD_AND_SAMPLE, answer(attributes))

            def get_description(self) -> str:
                return "Spy"

        exporter = InMemorySpanExporter()
        provider: Any = (otel_rs_sdk.TracerProvider if native else TracerProvider)(
            sampler=sdk.ParentBased(Spy()) if parent_based else Spy()
        )
        processor: Any = otel_rs_sdk.SimpleSpanProcessor if native else SimpleSpanProcessor
        provider.add_span_processor(processor(exporter))
        request = environ(headers={"X-Tenant": "blue", "X-Secret": "s3"})
        if library == "flask":
            instrumentor.instrument(tracer_provider=provider, request_hook=hook)
            app = flask.Flask("headers")
            app.add_url_rule("/", view_func=lambda: "ok")
            assert call(app, request)["body"] == "ok"
        else:

            def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
                start_response("200 OK", [])
                return [b"ok"]

            middleware: Any = OpenTelemetryMiddleware(application, hook, tracer_provider=provider)
            assert call(middleware, request)["body"] == "ok"
        (span,) = exporter.get_finished_spans()
        provider.shutdown()
        return span, asked

    return send


def values(span: ReadableSpan, key: str) -> list[Any]:
    assert span.attributes is not None
    found: Any = span.attributes[key]
    return list(found)


@pytest.mark.parametrize("library", ["flask", "wsgi"])
def test_a_sampler_sees_them(library: str, send: Send) -> None:
    span, asked = send(library)
    assert list(asked[KEY]) == values(span, KEY) == ["blue"]
    assert list(asked["http.request.header.x_secret"]) == ["[REDACTED]"]
    assert asked["http.method"] == "GET"


@pytest.mark.parametrize("library", ["flask", "wsgi"])
@pytest.mark.parametrize(
    "answer", [lambda attributes: None, lambda attributes: {KEY: ["red"]}], ids=["no attributes", "other ones"]
)
@pytest.mark.parametrize("parent_based", [False, True], ids=["sampler", "root of another"])
def test_whatever_a_sampler_makes_of_them(
    library: str, answer: Callable[[Any], Any], parent_based: bool, send: Send
) -> None:
    span, _ = send(library, answer=answer, parent_based=parent_based)
    assert values(span, KEY) == ["blue"]
    # As with the stock packages, of which that of Flask sets the other attributes again too.
    assert ("http.method" in (span.attributes or {})) == (library == "flask")


@pytest.mark.parametrize(
    ("library", "expected"), [("flask", "blue"), ("wsgi", "green")], ids=["flask: the header", "wsgi: the hook"]
)
def test_who_wins_where_a_hook_sets_the_same_key(library: str, expected: str, send: Send) -> None:
    """As with the stock packages, which capture after the hook in the one and before it in the other."""
    span, asked = send(library, hook=lambda span, environ: span.set_attribute(KEY, ["green"]))
    assert list(asked[KEY]) == ["blue"]
    assert values(span, KEY) == [expected]
