"""``Tracer.start_as_current_span``: a context manager that is a decorator too, of coroutines and generators as well."""

import functools
import inspect
from collections.abc import Callable
from contextvars import Token
from types import TracebackType
from typing import Any, TypeVar, cast

from opentelemetry.context import Context, attach
from opentelemetry.trace import Span, Status, StatusCode, set_span_in_context

from otel_rs_sdk._leaving import leave
from otel_rs_sdk._steps import Finish, Step, traced_async_generator, traced_generator

_Function = TypeVar("_Function", bound=Callable[..., Any])


class CurrentSpan:
    """Starts a span and makes it the current one, for a ``with`` block or for each call of a function."""

    __slots__ = (
        "_context",
        "_end_on_exit",
        "_record_exception",
        "_set_status_on_exception",
        "_span",
        "_start",
        "_token",
    )

    _span: Span
    _context: Context
    _token: Token[Context]

    def __init__(
        self, start: Callable[[], Span], record_exception: bool, set_status_on_exception: bool, end_on_exit: bool
    ) -> None:
        self._start = start
        self._record_exception = record_exception
        self._set_status_on_exception = set_status_on_exception
        self._end_on_exit = end_on_exit

    def __enter__(self) -> Span:
        self._span = self._start()
        self._context = set_span_in_context(self._span)
        self._token = attach(self._context)
        return self._span

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        leave(self._token, self._context)
        self._finish(exc_value)

    def _finish(self, exception: BaseException | None) -> None:
        # What is no `Exception` (`GeneratorExit`, say) is not an error of the span.
        if isinstance(exception, Exception) and self._span.is_recording():
            if self._record_exception:
                self._span.record_exception(exception)
            if self._set_status_on_exception:
                self._span.set_status(Status(StatusCode.ERROR, _description(exception)))
        if self._end_on_exit:
            self._span.end()

    def _again(self) -> "CurrentSpan":
        return CurrentSpan(self._start, self._record_exception, self._set_status_on_exception, self._end_on_exit)

    def _begin(self) -> tuple[Step, Finish]:
        """Starts the span for a generator, in whose steps alone it is current."""
        self._span = self._start()
        return Step(set_span_in_context(self._span)), self._finish

    def __call__(self, function: _Function) -> _Function:
        again = self._again
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def traced_coroutine(*args: Any, **kwargs: Any) -> Any:
                with again():
                    return await function(*args, **kwargs)

            return cast(_Function, traced_coroutine)

        if inspect.isgeneratorfunction(function):
            return cast(_Function, traced_generator(function, lambda: again()._begin()))
        if inspect.isasyncgenfunction(function):
            return cast(_Function, traced_async_generator(function, lambda: again()._begin()))

        @functools.wraps(function)
        def traced(*args: Any, **kwargs: Any) -> Any:
            with again():
                return function(*args, **kwargs)

        return cast(_Function, traced)


def _description(exception: Exception) -> str:
    try:
        return f"{type(exception).__name__}: {exception}"
    except Exception:  # An exception whose text cannot be had: it must still be the one that the caller sees.
        return type(exception).__name__
