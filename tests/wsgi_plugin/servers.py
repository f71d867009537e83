"""Real servers in threads of this process."""

from __future__ import annotations

import threading
import wsgiref.simple_server
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import cheroot.wsgi
import waitress.server  # type: ignore[import-untyped]
import werkzeug.serving

_POLL_SECONDS = 0.05

Serve = Callable[[Any], AbstractContextManager[int]]


class _QuietHandler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class _QuietWerkzeugHandler(werkzeug.serving.WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        pass


@contextmanager
def _in_thread(run: Callable[[], object], stop: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=run, name="server", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join(20)
        assert not thread.is_alive()


@contextmanager
def _wsgiref(application: Any) -> Iterator[int]:
    with (
        wsgiref.simple_server.make_server("127.0.0.1", 0, application, handler_class=_QuietHandler) as server,
        _in_thread(lambda: server.serve_forever(_POLL_SECONDS), server.shutdown),
    ):
        yield server.server_port


@contextmanager
def _werkzeug(application: Any) -> Iterator[int]:
    with (
        werkzeug.serving.make_server(
            "127.0.0.1", 0, application, threaded=True, request_handler=_QuietWerkzeugHandler
        ) as server,
        _in_thread(lambda: server.serve_forever(_POLL_SECONDS), server.shutdown),
    ):
        yield server.server_port


@contextmanager
def _cheroot(application: Any) -> Iterator[int]:
    server = cheroot.wsgi.Server(("127.0.0.1", 0), wsgi_app=application, numthreads=2)
    server.prepare()
    with _in_thread(server.serve, server.stop):
        yield server.bind_addr[1]


@contextmanager
def _waitress(application: Any) -> Iterator[int]:
    sockets: dict[int, Any] = {}
    server = waitress.server.create_server(application, map=sockets, host="127.0.0.1", port=0, threads=2)
    stopped = threading.Event()

    def run() -> None:
        while not stopped.is_set():
            server.asyncore.loop(timeout=_POLL_SECONDS, map=sockets, count=1)

    def stop() -> None:
        stopped.set()
        server.task_dispatcher.shutdown()

    with _in_thread(run, stop):
        yield server.effective_port
    for open_socket in list(sockets.values()):
        open_socket.close()


# Gunicorn takes a process of its own: test_gunicorn.py
SERVERS: dict[str, Serve] = {
    "wsgiref": _wsgiref,
    "werkzeug": _werkzeug,
    "cheroot": _cheroot,
    "waitress": _waitress,
}


def served(application: Any) -> Any:
    """The application as wsgiref's server holds it, without a socket."""
    server = wsgiref.simple_server.WSGIServer(("127.0.0.1", 0), _QuietHandler, bind_and_activate=False)
    server.base_environ = {}
    server.set_app(application)
    server.server_close()
    return server.get_app()
