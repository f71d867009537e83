"""Middleware of both kinds: Django builds bridges around what is synchronous."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_only_middleware


@sync_only_middleware  # type: ignore[untyped-decorator]  # Django has no types
def synchronous(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response["X-Synchronous"] = request.path
        return response

    return middleware


class Counting:
    """Asynchronous; counts the characters of the body."""

    sync_capable = False
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[Any]]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> Any:
        """Passes the request on."""
        response = await self.get_response(request)
        response["X-Length"] = str(len(response.content))
        return response
