"""The public functions, against those of the stock module wherever these do not raise."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import otel_rs_instr_wsgi as ours
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from opentelemetry.instrumentation import wsgi as stock
from opentelemetry.instrumentation._semconv import _StabilityMode
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import SpanKind

from parity.wsgi_client import environ
from support.examples import examples

MODES = (_StabilityMode.DEFAULT, _StabilityMode.HTTP, _StabilityMode.HTTP_DUP)
CAPTURE = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_"

latin_1 = st.text(st.characters(max_codepoint=255), max_size=30)
number = st.one_of(st.integers(-1, 70000).map(str), st.sampled_from(["", " 80 ", "8_0", "+1", "0080", "\u00b2", "x"]))
host = st.one_of(latin_1, st.from_regex(r"([a-zA-Z.-]{1,10}|\[[0-9a-f:]{2,8}\])(:[0-9]{1,5})?", fullmatch=True))
target = st.one_of(
    latin_1,
    st.from_regex(r"/[a-z%/;=]{0,10}(\?([a-z]{1,9}=[a-z%&]{0,5}&?){0,3})?(#[a-z]{0,3})?", fullmatch=True),
    st.sampled_from(["http://user:secret@shop.example/a?sig=1", "/a?AWSAccessKeyId=1&Signature=2&x-goog-signature=3"]),
)
agent = st.one_of(latin_1, st.sampled_from(["curl/8", "Googlebot", "xALWAYSONx", "bingbot AlwaysOn", b"\xffbot", b""]))
environs = st.fixed_dictionaries(
    {},
    optional={
        "REQUEST_METHOD": st.one_of(st.sampled_from(["GET", "get", " POST ", "QUERY", "BREW", ""]), latin_1),
        "SERVER_NAME": latin_1,
        "SERVER_PORT": number,
        "HTTP_HOST": host,
        "RAW_URI": target,
        "REQUEST_URI": target,
        "SCRIPT_NAME": latin_1,
        "PATH_INFO": st.one_of(latin_1, target),
        "QUERY_STRING": latin_1,
        "REMOTE_ADDR": st.one_of(latin_1, st.just("127.0.0.1")),
        "REMOTE_HOST": st.one_of(latin_1, st.just("127.0.0.1")),
        "REMOTE_PORT": st.one_of(number, st.integers(0, 70000)),
        "HTTP_USER_AGENT": agent,
        "SERVER_PROTOCOL": st.one_of(
            latin_1, st.sampled_from(["HTTP/1.1", "http/2", "HTTP/", "Http/HTTP/1", "SPDY/3"])
        ),
        "wsgi.url_scheme": st.sampled_from(["http", "https", "HTTPS", "ws", ""]),
    },
)
header_names = st.from_regex(r"HTTP_(X_ONE|X_TWO|X_[A-Z]{1,3}|AUTHORIZATION|COOKIE|[A-Z_]{0,5})", fullmatch=True)


@pytest.fixture(scope="module")
def _captured() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, CAPTURE + "SERVER_REQUEST", "x-one, X-T.*,authorization,.*ie")
        patch.setitem(os.environ, CAPTURE + "SERVER_RESPONSE", "x-one, X-T.*,set-cookie")
        patch.setitem(os.environ, CAPTURE + "SANITIZE_FIELDS", "auth.*,.*cookie")
        yield


def outcome(function: Callable[[], Any]) -> Any:
    """What a function returns, with the types of the values; None if it raises."""
    try:
        result = function()
    except Exception:
        return None
    return {key: (type(value), value) for key, value in result.items()} if isinstance(result, dict) else result


@settings(max_examples=examples(500), deadline=None)
@given(overrides=environs, mode=st.sampled_from(MODES), absent=st.sets(st.sampled_from(sorted(environ())), max_size=4))
def test_collect_request_attributes(overrides: dict[str, Any], mode: _StabilityMode, absent: set[str]) -> None:
    request = environ(overrides={**dict.fromkeys(absent), **overrides})
    expected = outcome(lambda: stock.collect_request_attributes(dict(request), mode))
    actual = outcome(lambda: ours.collect_request_attributes(dict(request), mode))
    assert actual is not None
    if expected is not None:
        assert actual == expected


def test_the_mode_is_the_old_one_by_default() -> None:
    assert ours.collect_request_attributes(environ()) == stock.collect_request_attributes(environ())


@settings(max_examples=examples(300), deadline=None)
@given(overrides=environs, absent=st.sets(st.sampled_from(["REQUEST_METHOD", "PATH_INFO"])))
def test_get_default_span_name(overrides: dict[str, Any], absent: set[str]) -> None:
    request = environ(overrides={**overrides, **dict.fromkeys(absent)})
    assert ours.get_default_span_name(request) == stock.get_default_span_name(request)


@settings(max_examples=examples(200), deadline=None)
@given(request=st.dictionaries(st.one_of(header_names, latin_1), latin_1, max_size=6), name=latin_1)
def test_wsgi_getter(request: dict[str, str], name: str) -> None:
    assert ours.wsgi_getter.keys(request) == stock.wsgi_getter.keys(request)
    for key in (name, *ours.wsgi_getter.keys(request)):
        assert ours.wsgi_getter.get(request, key) == stock.wsgi_getter.get(request, key)
    assert isinstance(ours.wsgi_getter, ours.WSGIGetter)


@pytest.mark.usefixtures("_captured")
@settings(max_examples=examples(200), deadline=None)
@given(request=st.dictionaries(header_names, latin_1, max_size=8))
def test_captured_request_headers(request: dict[str, str]) -> None:
    assert ours.collect_custom_request_headers_attributes(request) == stock.collect_custom_request_headers_attributes(
        request
    )


@pytest.mark.usefixtures("_captured")
@settings(max_examples=examples(200), deadline=None)
@given(
    headers=st.lists(
        st.tuples(st.sampled_from(["X-One", "x-one", "X-Two", "X-TREE", "Set-Cookie", "Other"]), latin_1), max_size=8
    )
)
def test_captured_response_headers(headers: list[tuple[str, str]]) -> None:
    assert ours.collect_custom_response_headers_attributes(headers) == stock.collect_custom_response_headers_attributes(
        headers
    )


statuses = st.one_of(
    st.integers(-1, 1000).map("{} Reason".format),
    st.sampled_from(["200", "404 ", " 200 OK", "200 OK OK", "abc def", "2 00", "", "+200 OK", "2_00 OK", "\u00b2 x"]),
    latin_1,
)


@settings(max_examples=examples(300), deadline=None)
@given(status=statuses, mode=st.sampled_from(MODES), kind=st.sampled_from([SpanKind.SERVER, SpanKind.INTERNAL]))
def test_add_response_attributes(status: str, mode: _StabilityMode, kind: SpanKind) -> None:
    def result(module: Any) -> Any:
        span = TracerProvider().get_tracer("test").start_span("span", kind=kind)
        attributes: dict[str, Any] = {"kept": 1}
        module.add_response_attributes(span, status, [], attributes, mode)
        assert isinstance(span, ReadableSpan)
        return dict(span.attributes or {}), span.status.status_code, span.status.description, attributes

    expected = outcome(lambda: result(stock))
    actual = outcome(lambda: result(ours))
    assert actual is not None
    assume(expected is not None)
    assert actual == expected
