"""Applications of a subclass of Flask, which replaces or extends what the instrumentations wrap."""

from __future__ import annotations

from typing import Any

import flask

from parity.bench import Bench


def _requests(bench: Bench, app: flask.Flask) -> None:
    """What is answered, what fails, what is streamed and what no route matches."""
    app.add_url_rule("/item/<n>", "item", lambda n: str(1 // int(n)))
    app.add_url_rule("/stream", "stream", lambda: flask.Response(iter(["a", "b"])))
    for path in ("/item/1", "/item/0", "/stream", "/nowhere"):
        bench.request(app, path)


def own_wsgi_app(bench: Bench) -> None:
    """It handles the request by itself."""
    bench.instrument()

    class App(flask.Flask):
        def wsgi_app(self, environ: Any, start_response: Any) -> Any:
            context: Any = self.request_context(environ)
            error: Exception | None = None
            try:
                try:
                    context.push()
                    response = self.full_dispatch_request()
                except Exception as raised:
                    error = raised
                    response = self.handle_exception(raised)
                return response(environ, start_response)
            finally:
                context.pop(error)

    _requests(bench, App("own"))


def own_wsgi_app_of_a_mixin(bench: Bench) -> None:
    """The same in a class that is no Flask."""
    bench.instrument()

    class Handles:
        def wsgi_app(self: Any, environ: Any, start_response: Any) -> Any:
            with self.request_context(environ):
                try:
                    response = self.full_dispatch_request()
                except Exception as error:
                    response = self.handle_exception(error)
                return response(environ, start_response)

    class App(Handles, flask.Flask):
        pass

    _requests(bench, App("mixed"))


def extended_wsgi_app(bench: Bench) -> None:
    """Twice, and one of them changes the environ: the span shows the one that Flask gets."""
    bench.instrument()

    class Inner(flask.Flask):
        def wsgi_app(self, environ: Any, start_response: Any) -> Any:
            return super().wsgi_app({**environ, "wsgi.url_scheme": "https"}, start_response)

    class Outer(Inner):
        def wsgi_app(self, environ: Any, start_response: Any) -> Any:
            return super().wsgi_app(environ, start_response)

    _requests(bench, Outer("outer"))
    _requests(bench, Inner("inner"))


def answers_without_flask(bench: Bench) -> None:
    """Its ``wsgi_app`` answers some requests without a request context."""
    bench.instrument(response_hook=lambda span, status, headers: bench.note(status))

    class App(flask.Flask):
        def wsgi_app(self, environ: Any, start_response: Any) -> Any:
            if environ["PATH_INFO"] == "/nowhere":
                start_response("204 No Content", [])
                return []
            return super().wsgi_app(environ, start_response)

    _requests(bench, App("short"))


def own_preprocess_request(bench: Bench) -> None:
    """It runs only the functions of the application."""
    bench.instrument()

    class App(flask.Flask):
        def preprocess_request(self, *_: Any) -> Any:
            for function in self.before_request_funcs.get(None, ()):
                self.ensure_sync(function)()

    _requests(bench, App("own"))


def extended_methods(bench: Bench) -> None:
    """Every method does something and calls the one of Flask."""
    bench.instrument()

    class App(flask.Flask):
        def __call__(self, environ: Any, start_response: Any) -> Any:
            return super().__call__(environ, start_response)

        def full_dispatch_request(self, *context: Any) -> Any:
            return super().full_dispatch_request(*context)

        def preprocess_request(self, *context: Any) -> Any:
            return super().preprocess_request(*context)

        def do_teardown_request(self, *arguments: Any) -> None:
            super().do_teardown_request(*arguments)

    _requests(bench, App("extended"))


def own_dispatch(bench: Bench) -> None:
    """It dispatches by itself, and ``__call__`` calls ``wsgi_app``."""
    bench.instrument()

    class App(flask.Flask):
        def __call__(self, environ: Any, start_response: Any) -> Any:
            return self.wsgi_app(environ, start_response)

        def full_dispatch_request(self: Any, *context: Any) -> Any:
            try:
                answer = self.preprocess_request(*context)
                answer = self.dispatch_request(*context) if answer is None else answer
            except Exception as error:
                answer = self.handle_user_exception(*context, error)
            return self.finalize_request(*context, answer)

    _requests(bench, App("own"))


def batch(bench: Bench) -> None:
    """A view sends requests of its own through the application, in contexts that it pushes; one fails."""
    bench.instrument()
    app = flask.Flask("batch")

    @app.route("/batch")
    def view() -> str:
        answers = []
        for path in ("/item/1", "/item/0", "/nowhere"):
            with app.test_request_context(path):
                try:
                    answers.append(app.full_dispatch_request().get_data(as_text=True))
                except ZeroDivisionError as error:
                    answers.append(str(error))
        return " ".join(answers)

    _requests(bench, app)
    bench.request(app, "/batch")


def batch_of_a_subclass(bench: Bench) -> None:
    """The same before Flask has a request, with copies of the environ."""
    bench.instrument()

    class App(flask.Flask):
        def wsgi_app(self, environ: Any, start_response: Any) -> Any:
            if environ["PATH_INFO"] != "/batch":
                return super().wsgi_app(environ, start_response)
            answers = []
            for path in ("/item/1", "/nowhere"):
                with self.request_context({**environ, "PATH_INFO": path}):
                    answers.append(self.full_dispatch_request().get_data())
            start_response("207 Multi-Status", [])
            return answers

    app = App("batch")
    _requests(bench, app)
    bench.request(app, "/batch")
