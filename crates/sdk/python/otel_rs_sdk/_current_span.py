"""``Tracer.start_as_current_span``: a context manager that is a decorator too, of coroutine functions as well."""

import functools
import inspect
from collections.abc import Callable
from contextvars import Token
from types import TracebackType
from typing import Any, TypeVar, cast

from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Span, Status, StatusCode, set_span_in_context

_Function = TypeVar("_Function", bound=Callable[..., Any])


class CurrentSpan:
    """Starts a span and makes it the current one, for a ``with`` block or for each call of a function."""

    __slots__ = ("_end_on_exit", "_record_exception", "_set_status_on_exception", "_span", "_start", "_token")

    _span: Span
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
        self._token = attach(set_span_in_context(self._span))
        return self._span

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        detach(self._token)
        # What is no `Exception` (`GeneratorExit`, say) is not an error of the span.
        if isinstance(exc_value, Exception) and self._span.is_recording():
            if self._record_exception:
                self._span.record_exception(exc_value)
            if self._set_status_on_exception:
                self._span.set_status(Status(StatusCode.ERROR, _description(exc_value)))
        if self._end_on_exit:
            self._span.end()

    def __call__(self, function: _Function) -> _Function:
        def again() -> "CurrentSpan":
            return CurrentSpan(self._start, self._record_exception, self._set_status_on_exception, self._end_on_exit)

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def traced_coroutine(*args: Any, **kwargs: Any) -> Any:
                with again():
                    return await function(*args, **kwargs)

            return cast(_Function, traced_coroutine)

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
