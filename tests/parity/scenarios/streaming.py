"""Streamed bodies."""

from __future__ import annotations

from collections.abc import Iterator

import flask

from parity.bench import Bench


def _app(bench: Bench) -> flask.Flask:
    app = flask.Flask("streaming")

    def chunks() -> Iterator[str]:
        yield "one "
        yield "two"

    @app.route("/stream")
    def stream() -> flask.Response:
        return flask.Response(chunks())

    @app.route("/context")
    def context() -> flask.Response:
        return flask.Response(flask.stream_with_context(chunks()))

    @app.route("/spans")
    def spans() -> flask.Response:
        def inner() -> Iterator[str]:
            with bench.tracer().start_as_current_span("chunk"):
                yield "chunk"

        return flask.Response(inner())

    return app


def streamed(bench: Bench) -> None:
    """A body that is read to its end."""
    bench.instrument()
    app = _app(bench)
    bench.request(app, "/stream")
    bench.request(app, "/context")


def abandoned(bench: Bench) -> None:
    """A body that nobody reads, closed and not."""
    bench.instrument()
    app = _app(bench)
    bench.request(app, "/stream", read=False)
    bench.request(app, "/stream", read=False, close=False)


def spans_in_the_body(bench: Bench) -> None:
    """A span made while the body is read."""
    bench.instrument()
    bench.request(_app(bench), "/spans")
