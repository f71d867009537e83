"""Generators with a span that is current in their steps, and not between them: there the consumer's context is."""

import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextvars import Token
from functools import partial
from types import TracebackType
from typing import Any

from opentelemetry.context import Context, attach, get_current

from otel_rs_sdk._leaving import leave

Finish = Callable[[BaseException | None], None]
"""Ends the span of a generator that was left by an exception, or by none."""


class Step:
    """For a ``with`` block around each step. What is current at the end of one is current again in the next."""

    __slots__ = ("_context", "_entered", "_token")

    _entered: Context
    _token: Token[Context]

    def __init__(self, context: Context) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._entered = self._context
        self._token = attach(self._entered)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._context = get_current()
        leave(self._token, self._entered)


Begin = Callable[[], tuple[Step, Finish]]
"""Starts the span of a generator."""


def traced_generator(
    function: Callable[..., Generator[Any, Any, Any]], begin: Begin
) -> Callable[..., Generator[Any, Any, Any]]:
    """A generator function whose generators have a span, from the first step to the last."""

    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator = function(*args, **kwargs)
        step, finish = begin()
        try:
            result = yield from _steps(generator, step)
        except BaseException as exception:
            finish(exception)
            raise
        finish(None)
        return result

    return traced


def _steps(generator: Generator[Any, Any, Any], step: Step) -> Generator[Any, Any, Any]:
    resume: Callable[[], Any] = partial(next, generator)
    while True:
        with step:
            try:
                item = resume()
            except StopIteration as end:
                return end.value
        try:
            sent = yield item
        except GeneratorExit:
            with step:
                generator.close()
            raise
        except BaseException as exception:
            resume = partial(generator.throw, exception)
        else:
            resume = partial(generator.send, sent)


def traced_async_generator(
    function: Callable[..., AsyncGenerator[Any, Any]], begin: Begin
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """An asynchronous generator function, likewise."""

    @functools.wraps(function)
    async def traced(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator = function(*args, **kwargs)
        step, finish = begin()
        resume: Callable[[], Awaitable[Any]] = generator.__anext__
        try:
            while True:
                with step:
                    try:
                        item = await resume()
                    except StopAsyncIteration:
                        break
                try:
                    sent = yield item
                except GeneratorExit:
                    with step:
                        await generator.aclose()
                    raise
                except BaseException as exception:
                    resume = partial(generator.athrow, exception)
                else:
                    resume = partial(generator.asend, sent)
        except BaseException as exception:
            finish(exception)
            raise
        finish(None)

    return traced
