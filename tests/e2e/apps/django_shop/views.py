"""Views that wait, gather, cross into threads and fail."""

import asyncio

from asgiref.sync import async_to_sync, sync_to_async
from django.http import HttpRequest, HttpResponse


async def fetch(number: int) -> int:
    await asyncio.sleep(0)
    return number * 2


def load(number: int) -> int:
    return number + 1


def sync_view(request: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse(f"sync {async_to_sync(fetch)(number)}")


async def async_view(request: HttpRequest, number: int) -> HttpResponse:
    fetched = await asyncio.gather(fetch(number), fetch(number + 1))
    waited = await asyncio.wait_for(fetch(number), 60)
    return HttpResponse(f"async {fetched} {waited} {await asyncio.to_thread(load, number)}")


async def bridged_view(request: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse(f"bridged {await sync_to_async(load)(number)} {await asyncio.create_task(fetch(number))}")


async def failing_view(request: HttpRequest, number: int) -> HttpResponse:
    await asyncio.create_task(fetch(number))
    raise ValueError(f"a view that fails for {number}")
