"""Hooks of the user's."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from opentelemetry import trace

from parity.wsgi_client import call, environ
from support.telemetry import Telemetry
from wsgi_plugin.conftest import Wrap
from wsgi_plugin.expectations import assert_measured, start_response

HOOKS = ("request_hook", "response_hook")


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("X", "1")])
    return [b"answer"]


def test_what_hooks_are_given(wrap: Wrap, telemetry: Telemetry) -> None:
    seen: list[Any] = []
    wrapped = wrap(
        application,
        request_hook=lambda *arguments: seen.append(arguments),
        response_hook=lambda *arguments: seen.append((*arguments, trace.get_current_span())),
    )
    request = environ()
    list(wrapped(request, start_response))
    (span, request_environ), (response_span, response_environ, status, headers, current) = seen
    assert request_environ is response_environ is request
    assert span is response_span is current
    assert (status, headers) == ("200 OK", [("X", "1")])


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_raises_is_logged_once(
    hook: str, wrap: Wrap, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(*_: Any) -> None:
        raise RuntimeError("a hook failed")

    wrapped = wrap(application, **{hook: failing})
    with caplog.at_level(logging.INFO):
        answers = [call(wrapped, environ()) for _ in range(3)]
    assert [(answer["status"], answer["body"], answer["raised"]) for answer in answers] == [
        ("200 OK", "answer", None)
    ] * 3
    assert len(telemetry.spans) == 3
    assert all(span.attributes and span.attributes["http.status_code"] == 200 for span in telemetry.spans)
    # Once for the life of the process, so another test may have had the line.
    assert len([record for record in caplog.records if "a hook failed" in record.getMessage()]) <= 1
    assert_measured(telemetry, requests=3)


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("exception", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_a_base_exception_of_a_hook_passes(
    hook: str, exception: type[BaseException], wrap: Wrap, telemetry: Telemetry
) -> None:
    def leave(*_: Any) -> None:
        raise exception

    with pytest.raises(exception):
        list(wrap(application, **{hook: leave})(environ(), start_response))
    assert len(telemetry.spans) == 1
    assert all(point.value == 0 for point in telemetry.points("http.server.active_requests"))


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("value", ["not callable", 7, lambda: None])
def test_a_hook_of_the_wrong_kind(hook: str, value: Any, wrap: Wrap, telemetry: Telemetry) -> None:
    assert call(wrap(application, **{hook: value}), environ())["body"] == "answer"
    assert_measured(telemetry)


def test_hooks_may_do_anything(wrap: Wrap, telemetry: Telemetry) -> None:
    """A hook that sends a request to the same application, changes the environ and ends the span."""
    depth = 0

    def request_hook(span: trace.Span, request: dict[str, Any]) -> None:
        nonlocal depth
        depth += 1
        if depth == 1:
            assert call(wrapped, environ())["body"] == "answer"
        request["REQUEST_METHOD"] = 7
        request.clear()
        span.end()

    def response_hook(span: trace.Span, request: dict[str, Any], status: str, headers: Any) -> None:
        headers.clear()

    wrapped = wrap(application, request_hook=request_hook, response_hook=response_hook)
    assert list(wrapped(environ(), start_response)) == [b"answer"]
    assert len(telemetry.spans) == 2
    assert_measured(telemetry, requests=2)
