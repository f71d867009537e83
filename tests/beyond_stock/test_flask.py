"""Flask."""

from __future__ import annotations

import pytest

from beyond_stock import flask_scenarios as scenarios
from beyond_stock.outcome import ACTIVE, Run


@pytest.mark.stock_fails("a hook that raises is a 500")
@pytest.mark.parametrize("scenario", [scenarios.raising_request_hook, scenarios.raising_response_hook])
def test_a_hook_that_raises_does_not_reach_the_client(scenario: object, run: Run) -> None:
    outcome = run(scenario)
    (answer,) = outcome.answers
    assert (answer["status"], answer["body"], answer["raised"]) == ("200 OK", "ann True", None)
    assert outcome.server_span().name == "GET /user/<name>"


@pytest.mark.stock_fails("a streamed body has no parent")
def test_the_span_is_the_parent_of_what_a_streamed_body_does(run: Run) -> None:
    outcome = run(scenarios.streamed_body)
    server = outcome.server_span()
    for number in range(2):
        chunk = outcome.named(f"chunk {number}")
        assert (chunk.trace_id, chunk.parent_id) == (server.trace_id, server.span_id)


@pytest.mark.stock_fails("the span ends before the body is sent")
def test_the_span_lasts_as_long_as_a_streamed_body(run: Run) -> None:
    outcome = run(scenarios.slow_body)
    server, last = outcome.server_span().message, outcome.named("chunk 1").message
    assert server.start_time_unix_nano <= last.start_time_unix_nano
    assert last.end_time_unix_nano <= server.end_time_unix_nano


@pytest.mark.stock_fails("the duration is recorded before the body is sent")
@pytest.mark.parametrize("scenario", [scenarios.slow_body, scenarios.closed_before_iteration])
def test_the_duration_of_a_stream_is_recorded_at_its_end(scenario: object, run: Run) -> None:
    (point,) = run(scenario).durations()
    assert point.count == 1
    assert point.sum >= scenarios.BODY_SECONDS * 1000 * 0.9


@pytest.mark.stock_fails("a request counts as over before its body is sent")
def test_a_stream_is_active_until_its_end(run: Run) -> None:
    during, *_, after = run(scenarios.active_requests_of_a_stream).exports(ACTIVE)
    assert [point.as_int or point.as_double for point in during] == [1]
    assert [point.as_int or point.as_double for point in after] == [0]


@pytest.mark.stock_fails("ValueError: not enough values to unpack")
def test_a_status_without_a_reason(run: Run) -> None:
    outcome = run(scenarios.status_without_a_reason)
    (answer,) = outcome.answers
    assert (answer["status"], answer["body"]) == ("503", "answer")
    assert outcome.server_span().attributes["http.status_code"] == 503


@pytest.mark.stock_fails("ValueError: invalid literal for int()")
def test_odd_ports(run: Run) -> None:
    outcome = run(scenarios.odd_ports)
    assert [answer["body"] for answer in outcome.answers] == ["ann True"] * 2
    assert len(outcome.server_spans()) == 2


@pytest.mark.stock_fails("KeyError: the URL cannot be rebuilt")
def test_missing_keys(run: Run) -> None:
    outcome = run(scenarios.missing_keys)
    assert [answer["body"] for answer in outcome.answers] == ["ann True"] * 2
    assert len(outcome.server_spans()) == 2


@pytest.mark.stock_fails("its own before_request function comes too late")
def test_an_earlier_before_request_that_answers_has_its_span(run: Run) -> None:
    outcome = run(scenarios.earlier_before_request_answers)
    assert [answer["body"] for answer in outcome.answers] == ["closed"]
    span = outcome.server_span()
    assert (span.name, span.attributes["http.status_code"]) == ("GET /user/<name>", 503)


@pytest.mark.stock_fails("instrument() replaces a class that the application no longer looks up")
@pytest.mark.parametrize("scenario", [scenarios.made_before_instrument, scenarios.imported_before_instrument])
def test_applications_made_before_instrument(scenario: object, run: Run) -> None:
    assert run(scenario).server_span().attributes["http.status_code"] == 200


@pytest.mark.stock_fails("an application that was made in between stays instrumented")
def test_uninstrument_leaves_applications_bare(run: Run) -> None:
    outcome = run(scenarios.used_after_uninstrument)
    assert [answer["body"] for answer in outcome.answers] == ["ann False"]
    assert outcome.spans == []
    assert outcome.metrics == []


@pytest.mark.stock_fails("functions and attributes stay on the application")
def test_uninstrument_leaves_no_trace(run: Run) -> None:
    attributes, functions, same_class = run(scenarios.left_after_uninstrument).notes
    assert (attributes, functions, same_class) == ([], 0, True)


@pytest.mark.stock_fails("options are kept on a class")
def test_options_end_with_uninstrument(run: Run) -> None:
    assert run(scenarios.instrumented_again_without_hooks).server_span().name == "GET /user/<name>"
