"""Environs out of the ordinary, as far as stock survives them."""

from __future__ import annotations

from typing import Any

import flask

from parity.bench import Bench


def _app() -> flask.Flask:
    app = flask.Flask("environs")

    @app.route("/")
    @app.route("/<path:path>")
    def index(path: str = "") -> str:
        return path

    return app


def _plain(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"plain"]


def _each(bench: Bench, *overrides: dict[str, Any]) -> None:
    """To a Flask application, and to a WSGI application under the middleware."""
    bench.instrument()
    for app in (_app(), bench.wrap(_plain)):
        for override in overrides:
            bench.request(app, "/a b", query="c=d", overrides=override)


def absent_keys(bench: Bench) -> None:
    """Keys that a server may leave out."""
    keys = ("SERVER_NAME", "HTTP_HOST", "REMOTE_ADDR", "REMOTE_PORT", "RAW_URI", "QUERY_STRING", "SCRIPT_NAME")
    _each(bench, *({key: None} for key in keys))
    bench.request(_app(), overrides={"SERVER_PROTOCOL": None})


def ports(bench: Bench) -> None:
    """Ports in all forms that ``int`` takes."""
    _each(bench, *({"SERVER_PORT": port} for port in ("80", "443", "0", "", " 81 ", "8_2", "+83", "-1", "0084")))


def remote_ports(bench: Bench) -> None:
    """The client's port may be anything."""
    _each(bench, *({"REMOTE_PORT": port} for port in ("0", 0, "", "x", " 7 ", 8, "9.5")))


def remote_hosts(bench: Bench) -> None:
    """The client's name, equal to its address and not."""
    _each(
        bench,
        {"REMOTE_HOST": "127.0.0.1"},
        {"REMOTE_HOST": "client.example"},
        {"REMOTE_HOST": ""},
        {"REMOTE_HOST": "client.example", "REMOTE_ADDR": None},
        {"REMOTE_ADDR": "::1"},
    )


def targets(bench: Bench) -> None:
    """The raw target under either name, or rebuilt as a URL."""
    _each(
        bench,
        {"RAW_URI": "", "REQUEST_URI": "/request"},
        {"RAW_URI": None, "REQUEST_URI": "/request?x=y"},
        {"RAW_URI": None, "SCRIPT_NAME": "/mounted"},
        {"RAW_URI": None, "HTTP_HOST": None, "SERVER_PORT": "80"},
        {"RAW_URI": None, "wsgi.url_scheme": "https", "HTTP_HOST": "shop.example"},
        {"RAW_URI": None, "QUERY_STRING": "sig=secret&a=1&a=2"},
        {"RAW_URI": None, "HTTP_HOST": "user:secret@shop.example"},
        {"RAW_URI": "http://shop.example/absolute"},
    )


def protocols(bench: Bench) -> None:
    """The protocol and its version."""
    _each(bench, *({"SERVER_PROTOCOL": text} for text in ("HTTP/1.0", "http/2", "HTTP/", "", "SPDY/3", "3")))


def hosts(bench: Bench) -> None:
    """Host headers."""
    _each(bench, *({"HTTP_HOST": host} for host in ("", "shop.example", "[::1]:8000", "SHOP.test:80", "b\u00fccher")))


def latin_1(bench: Bench) -> None:
    """Bytes beyond ASCII, which WSGI passes as latin-1."""
    bench.instrument()
    app = _app()
    for path in ("/caf\u00c3\u00a9", "/\u00ff\u00fe", "/%00", "//double", "/a\u00a0"):
        bench.request(app, path)
        bench.request(app, path, overrides={"RAW_URI": None})
    bench.request(app, headers={"User-Agent": "\u00fc\u00ff"})
