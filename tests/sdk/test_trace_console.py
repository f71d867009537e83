"""The console exporter, native and in Python, prints what a span's ``to_json`` gives."""

import io
import json
from typing import Any

import pytest
from otel_rs_sdk import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor, TracerProvider


def spans_of(processor: Any) -> list[Any]:
    """Two spans, exported."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("scope")
    spans = [tracer.start_span(name, attributes={"text": "ä\n", "numbers": [1, 2]}) for name in ("first", "second")]
    for span in spans:
        span.end()
    assert provider.force_flush()
    provider.shutdown()
    return spans


def printed(spans: list[Any]) -> str:
    return "".join(span.to_json() + "\n" for span in spans)


def test_the_batch_processor_prints_without_python(capfd: pytest.CaptureFixture[str]) -> None:
    spans = spans_of(BatchSpanProcessor(ConsoleSpanExporter()))
    assert capfd.readouterr().out == printed(spans)


def test_the_simple_processor_prints_to_what_standard_output_is_to_python(capsys: pytest.CaptureFixture[str]) -> None:
    spans = spans_of(SimpleSpanProcessor(ConsoleSpanExporter()))
    assert capsys.readouterr().out == printed(spans)


@pytest.mark.parametrize("processor", [SimpleSpanProcessor, BatchSpanProcessor])
def test_another_file_and_form(processor: Any) -> None:
    out = io.StringIO()
    exporter = ConsoleSpanExporter(out=out, formatter=lambda span: span.to_json(indent=None) + "\n")
    spans_of(processor(exporter))
    assert [json.loads(line)["name"] for line in out.getvalue().splitlines()] == ["first", "second"]
