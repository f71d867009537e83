"""The WSGI middleware."""

from __future__ import annotations

import pytest

from beyond_stock import wsgi_scenarios as scenarios
from beyond_stock.outcome import ACTIVE, Run
from support.otlp_receiver import attributes_of


@pytest.mark.stock_fails("a hook that raises reaches the server")
@pytest.mark.parametrize("scenario", [scenarios.raising_request_hook, scenarios.raising_response_hook])
def test_a_hook_that_raises_does_not_reach_the_client(scenario: object, run: Run) -> None:
    outcome = run(scenario)
    (answer,) = outcome.answers
    assert (answer["status"], answer["body"], answer["raised"]) == ("200 OK", "answer", None)
    assert outcome.server_span().attributes["http.status_code"] == 200


@pytest.mark.stock_fails("the span stays current in the server, whatever it does in between")
def test_the_span_is_current_for_the_chunks_only(run: Run) -> None:
    assert run(scenarios.current_span_between_chunks).notes == [True]


@pytest.mark.stock_fails("the duration is recorded before the body is read")
def test_the_duration_is_recorded_at_the_end_of_the_body(run: Run) -> None:
    (point,) = run(scenarios.slow_body).durations()
    assert point.sum >= scenarios.BODY_SECONDS * 1000 * 0.9


@pytest.mark.stock_fails("the duration is recorded before the response starts")
def test_the_duration_of_a_lazy_application_has_its_status(run: Run) -> None:
    (point,) = run(scenarios.lazy_application).durations()
    assert attributes_of(point.attributes).get("http.status_code") == 404


@pytest.mark.stock_fails("a generator that has not started runs no finally: the span never ends")
def test_the_span_of_a_body_that_is_closed_before_iteration_ends(run: Run) -> None:
    assert run(scenarios.closed_before_iteration).server_span().attributes["http.status_code"] == 200


@pytest.mark.stock_fails("a generator that has not started runs no finally: the body is never closed")
def test_a_body_that_is_closed_before_iteration_is_closed(run: Run) -> None:
    assert run(scenarios.closed_before_iteration).notes == [1]


@pytest.mark.stock_fails("the span never ends")
def test_the_span_ends_when_close_raises(run: Run) -> None:
    outcome = run(scenarios.failing_close)
    assert [answer["raised"] for answer in outcome.answers] == ["builtins.OSError: close"]
    assert outcome.server_span().status == "ERROR"


@pytest.mark.stock_fails("the body becomes a generator")
def test_the_body_keeps_its_length(run: Run) -> None:
    assert run(scenarios.length).notes == [2]


@pytest.mark.stock_fails("the body becomes a generator")
def test_a_file_wrapper_is_passed_on(run: Run) -> None:
    outcome = run(scenarios.file_wrapper)
    assert outcome.notes == [True]
    assert outcome.server_span().attributes["http.status_code"] == 200


@pytest.mark.stock_fails("the body becomes a generator")
def test_the_body_keeps_its_attributes(run: Run) -> None:
    assert run(scenarios.attributes_of_the_body).notes == [7]


@pytest.mark.stock_fails("ValueError: not enough values to unpack")
def test_a_status_without_a_reason(run: Run) -> None:
    outcome = run(scenarios.status_without_a_reason)
    (answer,) = outcome.answers
    assert (answer["status"], answer["body"]) == ("503", "answer")
    assert outcome.server_span().attributes["http.status_code"] == 503


@pytest.mark.stock_fails("ValueError: invalid literal for int()")
def test_odd_ports(run: Run) -> None:
    outcome = run(scenarios.odd_ports)
    assert [answer["body"] for answer in outcome.answers] == ["answer"] * 2
    assert len(outcome.server_spans()) == 2


@pytest.mark.stock_fails("KeyError: the URL cannot be rebuilt")
def test_missing_keys(run: Run) -> None:
    outcome = run(scenarios.missing_keys)
    assert [answer["body"] for answer in outcome.answers] == ["answer"] * 3
    assert len(outcome.server_spans()) == 3


@pytest.mark.stock_fails("a request counts as over before its body is read")
def test_a_stream_is_active_until_its_end(run: Run) -> None:
    during, *_, after = run(scenarios.active_requests_of_a_stream).exports(ACTIVE)
    assert [point.as_int or point.as_double for point in during] == [1]
    assert [point.as_int or point.as_double for point in after] == [0]


@pytest.mark.stock_fails("only an Exception ends the span")
def test_a_base_exception_ends_the_span(run: Run) -> None:
    outcome = run(scenarios.system_exit)
    assert [answer["raised"] for answer in outcome.answers] == ["builtins.SystemExit: 3"]
    assert len(outcome.server_spans()) == 1


@pytest.mark.stock_fails("the header is logged whole with each request")
def test_a_long_baggage_header_is_not_logged_whole(run: Run) -> None:
    (logged,) = run(scenarios.long_baggage).notes
    assert logged < 1000
