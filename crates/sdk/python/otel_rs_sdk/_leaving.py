"""Undoing an ``attach``, also where the context that it was made in is not the current one."""

import gc
from contextvars import Context as ExecutionContext
from contextvars import ContextVar, Token

from opentelemetry.context import Context, detach


def leave(token: Token[Context], inside: Context) -> None:
    """Makes current what was so before ``inside`` was attached with ``token``.

    A generator that holds a span open may be closed by another task, thread or context than the one that entered the
    span. Then the token cannot be used here: both that context and this one, if it is a copy in which the span is
    current, get back what was current before.
    """
    if not isinstance(token, Token):
        # Another runtime context (`OTEL_PYTHON_CONTEXT`) has tokens of its own.
        detach(token)
        return
    try:
        token.var.reset(token)
    except ValueError:
        _leave_elsewhere(token, inside)
    except RuntimeError:
        # Used before: the block was left twice.
        return


def _leave_elsewhere(token: Token[Context], inside: Context) -> None:
    variable: ContextVar[Context] = token.var
    before = token.old_value
    if variable.get(None) is inside:
        variable.set(Context() if before is Token.MISSING else before)
    # A token refers to the context that it was made in, which nothing else tells.
    for entered in gc.get_referents(token):
        if isinstance(entered, ExecutionContext):
            try:
                entered.run(_reset, token, inside)
            except (RuntimeError, ValueError):
                # It is being run, by another thread: what that does next is its own affair.
                return


def _reset(token: Token[Context], inside: Context) -> None:
    if token.var.get(None) is inside:
        token.var.reset(token)
