"""Response bodies: the span ends once, at exhaustion, error, ``close()`` or drop, whichever is first."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from opentelemetry import trace

from parity.wsgi_client import Application, environ
from support.telemetry import Telemetry
from wsgi_plugin.conftest import Wrap
from wsgi_plugin.expectations import assert_ended_once, assert_running, event_names, start_response


class Body:
    """Two chunks, and a count of what is done to it; ``fail`` is raised in place of the end."""

    def __init__(self, *, fail: BaseException | None = None, fail_in_close: BaseException | None = None) -> None:
        self.fail = fail
        self.fail_in_close = fail_in_close
        self.chunks = 0
        self.closed = 0
        self.current: list[trace.Span] = []

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.current.append(trace.get_current_span())
        self.chunks += 1
        if self.chunks == 3:
            raise self.fail or StopIteration
        return b"chunk"

    def close(self) -> None:
        self.current.append(trace.get_current_span())
        self.closed += 1
        if self.fail_in_close:
            raise self.fail_in_close


def answering(body: Any) -> Application:
    """An application that answers with ``body``."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return body

    return application


Send = Callable[[Any], Any]


@pytest.fixture
def send(wrap: Wrap) -> Send:
    """Sends a request whose answer is the body, and returns what the server gets."""
    return lambda body: wrap(answering(body))(environ(), start_response)


def test_exhausted_and_closed(send: Send, telemetry: Telemetry) -> None:
    body = Body()
    response = send(body)
    assert list(response) == [b"chunk", b"chunk"]
    span = assert_ended_once(telemetry)
    assert span.status.is_unset
    assert event_names(span) == []
    response.close()
    response.close()
    assert body.closed == 1
    assert_ended_once(telemetry)


def test_the_span_lasts_as_long_as_the_body(send: Send, telemetry: Telemetry) -> None:
    response = iter(send(Body()))
    assert_running(telemetry)
    next(response)
    assert_running(telemetry)
    next(response)
    assert_running(telemetry)
    assert next(response, None) is None
    assert_ended_once(telemetry)


def test_the_span_is_current_for_each_chunk_and_for_close(send: Send, telemetry: Telemetry) -> None:
    body = Body()
    list(send(body))
    context = telemetry.span().get_span_context()
    assert context is not None
    assert [span.get_span_context().span_id for span in body.current] == [context.span_id] * 4


def test_closed_before_the_first_chunk(send: Send, telemetry: Telemetry) -> None:
    body = Body()
    response = send(body)
    assert_running(telemetry)
    response.close()
    assert (body.chunks, body.closed) == (0, 1)
    assert_ended_once(telemetry)


def test_closed_in_the_middle_and_again(send: Send, telemetry: Telemetry) -> None:
    body = Body()
    response = send(body)
    next(iter(response))
    response.close()
    response.close()
    assert body.closed == 1
    assert event_names(assert_ended_once(telemetry)) == []


@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_dropped(chunks: int, send: Send, telemetry: Telemetry) -> None:
    response = send(Body())
    for _ in range(chunks):
        next(response)
    del response
    gc.collect()
    assert_ended_once(telemetry)


def test_dropped_while_an_exception_is_under_way(send: Send, telemetry: Telemetry) -> None:
    def serve() -> None:
        for _ in send(Body()):
            raise ConnectionResetError("the client is gone")

    with pytest.raises(ConnectionResetError, match="the client is gone"):
        serve()
    assert_ended_once(telemetry)


@pytest.mark.parametrize(
    "error",
    [ValueError("body"), SystemExit(1), KeyboardInterrupt(), GeneratorExit()],
    ids=lambda error: type(error).__name__,
)
def test_an_error_in_the_body(error: BaseException, send: Send, telemetry: Telemetry) -> None:
    body = Body(fail=error)
    response = send(body)
    with pytest.raises(type(error)) as raised:
        list(response)
    assert raised.value is error
    response.close()
    assert body.closed == 1
    span = assert_ended_once(telemetry)
    is_error = isinstance(error, Exception)
    assert event_names(span) == (["exception"] if is_error else [])
    assert span.status.description == ("ValueError: body" if is_error else None)


def test_the_stack_trace_of_an_error_in_the_body(send: Send, telemetry: Telemetry) -> None:
    def body() -> Iterator[bytes]:
        yield b"chunk"
        raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        list(send(body()))
    (event,) = telemetry.span().events
    assert event.attributes is not None
    assert 'raise ValueError("here")' in str(event.attributes["exception.stacktrace"])


@pytest.mark.parametrize("error", [OSError("close"), SystemExit(1)], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("read", [True, False])
def test_an_error_in_close(read: bool, error: BaseException, send: Send, telemetry: Telemetry) -> None:
    body = Body(fail_in_close=error)
    response = send(body)
    with pytest.raises(type(error)) as raised:
        list(response) if read else response.close()
    assert raised.value is error
    response.close()
    assert body.closed == 1
    assert event_names(assert_ended_once(telemetry)) == (["exception"] if isinstance(error, Exception) else [])


def test_an_error_in_close_hides_the_one_in_the_body(send: Send, telemetry: Telemetry) -> None:
    """As it does in a generator's ``finally``."""
    body = Body(fail=ValueError("body"), fail_in_close=OSError("close"))
    with pytest.raises(OSError, match="close"):
        list(send(body))
    assert body.closed == 1
    assert assert_ended_once(telemetry).status.description == "ValueError: body"


def test_read_after_the_end(send: Send, telemetry: Telemetry) -> None:
    response = iter(send(iter([b"a"])))
    assert list(response) == [b"a"]
    assert next(response, None) is None
    assert list(response) == []
    assert_ended_once(telemetry)


def test_read_after_close(send: Send, telemetry: Telemetry) -> None:
    response = send(chunk for chunk in (b"a", b"b"))
    response.close()
    assert list(response) == []
    assert_ended_once(telemetry)


@pytest.mark.parametrize("body", [[b"a", b"b"], (b"a", b"b"), [], {b"a": 1, b"b": 2}], ids=repr)
def test_a_length_is_kept(body: Any, send: Send, telemetry: Telemetry) -> None:
    response = send(body)
    assert len(response) == len(body)
    assert list(response) == list(body)
    assert_ended_once(telemetry)


@pytest.mark.parametrize(
    "body", [iter([b"a"]), Body(), (chunk for chunk in (b"a",))], ids=["iterator", "own", "generator"]
)
def test_no_length_is_made_up(body: Any, send: Send, telemetry: Telemetry) -> None:
    response = send(body)
    assert not hasattr(response, "__len__")
    with pytest.raises(TypeError):
        len(response)
    response.close()
    assert_ended_once(telemetry)


def test_a_length_that_fails(send: Send, telemetry: Telemetry) -> None:
    class Sized(Body):
        def __len__(self) -> int:
            raise NotImplementedError

    response = send(Sized())
    with pytest.raises(NotImplementedError):
        len(response)
    for _ in response:
        pass
    assert_ended_once(telemetry)


def test_what_else_the_body_offers_is_there(send: Send, telemetry: Telemetry) -> None:
    class Rich(Body):
        block_size = 7

        def fileno(self) -> int:
            return 3

    response = send(Rich())
    assert (response.block_size, response.fileno()) == (7, 3)
    assert not hasattr(response, "seek")
    assert iter(response) is response
    response.close()
    bare = send(iter([b"a"]))
    assert not hasattr(bare, "fileno")
    list(bare)


def test_attributes_that_fail(send: Send, telemetry: Telemetry) -> None:
    """A body whose attributes raise is served, as far as it can be."""

    class Prickly:
        def __getattr__(self, name: str) -> Any:
            raise LookupError(name)

        def __iter__(self) -> Iterator[bytes]:
            return iter([b"a"])

    response = send(Prickly())
    assert next(response) == b"a"
    with pytest.raises(LookupError, match="close"):
        next(response)
    assert_ended_once(telemetry)


class FileWrapper:
    """As servers have them."""

    def __init__(self, file: Any, block_size: int = 8192) -> None:
        self.chunks = iter([b"file"])

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks


class OwnFileWrapper(FileWrapper):
    """A subclass, which servers take for one as well."""


@pytest.mark.parametrize("kind", [FileWrapper, OwnFileWrapper])
def test_a_file_wrapper_is_passed_on_as_it_is(kind: type[FileWrapper], wrap: Wrap, telemetry: Telemetry) -> None:
    body = kind(None)
    response = wrap(answering(body))(environ(overrides={"wsgi.file_wrapper": FileWrapper}), start_response)
    assert response is body
    assert_ended_once(telemetry)


@pytest.mark.parametrize("file_wrapper", [None, "no class", FileWrapper], ids=repr)
def test_other_bodies_beside_a_file_wrapper(file_wrapper: Any, wrap: Wrap, telemetry: Telemetry) -> None:
    request = environ()
    request["wsgi.file_wrapper"] = file_wrapper
    response = wrap(answering([b"a"]))(request, start_response)
    assert list(response) == [b"a"]
    assert_ended_once(telemetry)


@pytest.mark.parametrize("body", [None, 7, object()])
def test_what_is_no_body(body: Any, send: Send, telemetry: Telemetry) -> None:
    """The server fails as it does without us."""
    response = send(body)
    with pytest.raises(TypeError, match="not iterable"):
        list(response)
    assert_ended_once(telemetry)


def test_the_body_sends_a_request_itself(wrap: Wrap, telemetry: Telemetry) -> None:
    inner = wrap(answering([b"inner"]))

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return (b"".join(inner({**environ, "PATH_INFO": "/inner"}, start_response)) for _ in range(2))

    assert list(wrap(application)(environ(path="/outer"), start_response)) == [b"inner", b"inner"]
    *inside, outer = telemetry.spans
    assert [span.name for span in inside] == ["GET /inner"] * 2
    assert outer.context is not None
    assert [span.parent and span.parent.span_id for span in inside] == [outer.context.span_id] * 2
