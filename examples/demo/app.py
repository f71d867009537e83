"""A small book shop. It uses the OpenTelemetry API for one span of its own and knows nothing of any SDK."""

import time

from flask import Flask, abort, redirect, url_for
from opentelemetry import trace
from werkzeug.wrappers import Response

app = Flask(__name__)
tracer = trace.get_tracer("bookshop")

BOOKS = {1: "The Go-Between", 2: "Middlemarch"}


@app.get("/")
def home() -> Response:
    """Redirects to the list."""
    return redirect(url_for("books"))


@app.get("/books")
def books() -> list[str]:
    """All titles."""
    return list(BOOKS.values())


@app.get("/books/<int:number>")
def book(number: int) -> dict[str, str]:
    """One title; the look-up is a span of its own."""
    with tracer.start_as_current_span("look up book", attributes={"book.number": number}) as span:
        time.sleep(0.005)
        title = BOOKS.get(number)
        span.set_attribute("book.found", title is not None)
    return {"title": title} if title is not None else abort(404)


@app.get("/prices/<int:number>")
def price(number: int) -> dict[str, float]:
    """A view that fails: it divides by zero."""
    return {"price": 10 / 0 * number}
