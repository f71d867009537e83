"""A WSGI client in the process: full control over the environ, and nothing of the answer is lost."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

Application = Callable[[dict[str, Any], Callable[..., Any]], Any]
Answer = dict[str, Any]


def environ(
    method: str = "GET",
    path: str = "/",
    query: str = "",
    headers: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """An environ as gunicorn makes it; an override of None removes the key."""
    target = quote(path, safe="/;=,:@%", encoding="latin-1", errors="replace")
    result: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "RAW_URI": f"{target}?{query}" if query else target,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "51234",
        "HTTP_HOST": "localhost:8000",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in (headers or {}).items():
        result["HTTP_" + name.upper().replace("-", "_")] = value
    for key, value in (overrides or {}).items():
        result.pop(key, None) if value is None else result.update({key: value})
    return result


def call(application: Application, request: dict[str, Any], *, read: bool = True, close: bool = True) -> Answer:
    """Sends a request and returns what a server would have seen, exceptions that reach it included."""
    answer: Answer = {"status": None, "headers": None, "body": None, "raised": None, "errors": "", "calls": []}

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        answer["status"] = status
        answer["headers"] = [list(header) for header in headers]
        answer["calls"].append(f"start_response{' with exc_info' if exc_info else ''}")
        return write

    def write(data: bytes) -> None:
        answer["calls"].append(f"write {data!r}")

    try:
        iterable = application(request, start_response)
        try:
            if read:
                answer["body"] = b"".join(iterable).decode("latin-1")
        finally:
            if close and hasattr(iterable, "close"):
                iterable.close()
    except BaseException as error:
        answer["raised"] = f"{type(error).__module__}.{type(error).__qualname__}: {error}"
    answer["errors"] = request["wsgi.errors"].getvalue()
    return answer
