"""Requests to a server under test: many at once, or byte by byte."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

_TIMEOUT = 30.0


@dataclass(frozen=True)
class Request:
    """A GET request."""

    path: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Response:
    """What a client sees of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def get(port: int, path: str, **headers: str) -> Response:
    """One GET; ``traceparent="…"`` and the like become headers."""
    return send(port, Request(path, tuple(headers.items())))


def send(port: int, request: Request) -> Response:
    """One GET on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    try:
        connection.request("GET", request.path, headers=dict(request.headers))
        response = connection.getresponse()
        return Response(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def send_all(port: int, requests: Iterable[Request], connections: int = 8) -> list[Response]:
    """All requests, ``connections`` at a time; answers in the order of the requests."""
    with ThreadPoolExecutor(connections) as pool:
        return list(pool.map(lambda request: send(port, request), requests))


def send_raw(port: int, request: bytes) -> bytes:
    """Sends bytes and returns all that comes back until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        chunks = []
        while chunk := connection.recv(65536):
            chunks.append(chunk)
        return b"".join(chunks)
