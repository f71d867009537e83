"""Instrumentations of language models, and libraries that join the provider that is there."""

from typing import Any

import pytest

from packages.place import launch, with_packages
from support.otlp_receiver import OtlpReceiver, span_names
from support.service import Asked, Service

pytestmark = pytest.mark.timeout(600)


def completion(_: Asked) -> dict[str, Any]:
    """What a model answers, in the format of OpenAI's chat completions."""
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "small",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes."}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


def assert_one_trace(receiver: OtlpReceiver) -> None:
    """All spans below the application's own."""
    [root] = [span for span in receiver.spans if span.parent_id is None]
    assert root.name == "question"
    assert {span.trace_id for span in receiver.spans} == {root.trace_id}
    ids = {span.span_id for span in receiver.spans}
    assert all(span.parent_id in ids for span in receiver.spans if span is not root)


def test_openinference_openai(receiver: OtlpReceiver) -> None:
    place = with_packages("openai", "openinference-instrumentation-openai")
    with Service(completion) as model:
        result = launch(place, "ask_openai.py", receiver, MODEL_SERVICE=model.url)
    assert result.stdout.split() == ["Yes."] * 3
    assert span_names(receiver.spans) == {"ChatCompletion": 3, "question": 1}
    assert_one_trace(receiver)
    for span in receiver.spans:
        if span.name == "ChatCompletion":
            assert span.attributes["openinference.span.kind"] == "LLM"
            assert span.attributes["llm.token_count.total"] == 5


def test_openinference_langchain(receiver: OtlpReceiver) -> None:
    place = with_packages("langchain-core", "langchain-openai", "openinference-instrumentation-langchain")
    with Service(completion) as model:
        result = launch(place, "ask_langchain.py", receiver, MODEL_SERVICE=model.url)
    assert result.stdout.split() == ["Yes."] * 2
    assert span_names(receiver.spans) == {
        "ChatOpenAI": 2,
        "ChatPromptTemplate": 2,
        "RunnableSequence": 2,
        "StrOutputParser": 2,
        "question": 1,
    }
    assert_one_trace(receiver)


def test_langwatch(receiver: OtlpReceiver) -> None:
    """Its processor joins our provider, and both collectors get every span."""
    with Service() as vendor:
        result = launch(with_packages("langwatch"), "watched.py", receiver, VENDOR_SERVICE=vendor.url)
        sent = [asked for asked in vendor.asked if asked.path.endswith("/traces")]
    # Before that it says, on standard output, that it attaches itself to the provider that is there.
    assert "Attaching LangWatch exporter to the existing provider" in result.stdout
    assert result.stdout.splitlines()[-1].split() == ["True", "otel_rs_sdk._tracing"], result.stderr
    # It starts a span of its own name to measure the decorated function, and one inside of it.
    assert span_names(receiver.spans) == {"question": 1, "span": 2, "step": 2}
    assert_one_trace(receiver)
    assert sent, result.stderr
