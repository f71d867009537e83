from collections.abc import Callable, Iterable
from typing import Any, final

from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Span, TracerProvider

__version__: str
INSTRUMENTS: list[str]
INSTRUMENTED: Any

def instrument(**options: Any) -> None: ...
def uninstrument() -> None: ...
def panics() -> int: ...
def collect_request_attributes(environ: WSGIEnvironment, sem_conv_opt_in_mode: Any = None) -> dict[str, Any]: ...
def collect_custom_request_headers_attributes(environ: WSGIEnvironment) -> dict[str, list[str]]: ...
def collect_custom_response_headers_attributes(response_headers: list[tuple[str, str]]) -> dict[str, list[str]]: ...
def add_response_attributes(
    span: Span,
    start_response_status: str,
    response_headers: list[tuple[str, str]],
    duration_attrs: dict[str, Any] | None = None,
    sem_conv_opt_in_mode: Any = None,
) -> None: ...
def get_default_span_name(environ: WSGIEnvironment) -> str: ...

class OpenTelemetryMiddleware:
    def __new__(
        cls,
        wsgi: WSGIApplication,
        request_hook: Callable[[Span, WSGIEnvironment], None] | None = None,
        response_hook: Callable[[Span, WSGIEnvironment, str, list[tuple[str, str]]], None] | None = None,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> OpenTelemetryMiddleware: ...
    @property
    def wsgi(self) -> WSGIApplication: ...
    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]: ...

@final
class EnvironGetter:
    @staticmethod
    def get(carrier: dict[str, Any], key: str) -> list[str] | None: ...
    @staticmethod
    def keys(carrier: dict[str, Any]) -> list[str]: ...
