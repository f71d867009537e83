"""Sessions of the application (``requests.Session`` and its like) that send the requests of an OTLP exporter."""

from collections.abc import Callable
from logging import getLogger
from os import environ
from typing import Any

from opentelemetry import context as context_api

from otel_rs_sdk import _native
from otel_rs_sdk._processors import quiet_context

_logger = getLogger("otel_rs_sdk")

_MOST_OF_AN_ANSWER = 64 * 1024

Headers = list[tuple[str, bytes]]
Answer = tuple[int, str | None, str, bytes]
Post = Callable[[str, Headers, bytes, float], Answer]


def post_of(session: Any, signal: str, verify: Any, key: Any, certificate: Any) -> Post | None:
    """What posts with the session, or with that of the credential provider which the environment names; ``None``
    without a session.

    As in the stock exporter, whom to trust is what the exporter was told, or the usual authorities, and the session's
    own certificate is replaced by one that the exporter was told.
    """
    if session is None:
        session = _of_credential_provider(signal)
        if session is None:
            return None
    session.verify = verify or _of_environment(signal, "CERTIFICATE") or True
    certificate = certificate or _of_environment(signal, "CLIENT_CERTIFICATE")
    key = key or _of_environment(signal, "CLIENT_KEY")
    if certificate:
        session.cert = (certificate, key) if key else certificate

    def post(url: str, headers: Headers, body: bytes, timeout: float) -> Answer:
        response = session.request(
            method="POST",
            url=url,
            headers={name: value.decode("latin-1") for name, value in headers},
            data=body,
            timeout=timeout,
            allow_redirects=False,
        )
        content = response.content or b""
        answer = response.headers
        return (
            response.status_code,
            answer.get("Retry-After"),
            answer.get("Content-Type") or "",
            bytes(content[:_MOST_OF_AN_ANSWER]),
        )

    return post


def serve(native: _native.NativeSession, post: Post) -> None:
    """What the thread of a session does. Instrumentations of what it calls keep quiet, or it would have no end."""
    context_api.attach(quiet_context())
    native.serve(post)


def _of_environment(signal: str, setting: str) -> str | None:
    names = (f"OTEL_EXPORTER_OTLP_{signal}_{setting}", f"OTEL_EXPORTER_OTLP_{setting}")
    return next((value for value in map(environ.get, names) if value and value.strip()), None)


def _of_credential_provider(signal: str) -> Any:
    prefix = "OTEL_PYTHON_EXPORTER_OTLP_HTTP"
    for variable in (f"{prefix}_CREDENTIAL_PROVIDER", f"{prefix}_{signal}_CREDENTIAL_PROVIDER"):
        name = environ.get(variable, "").strip()
        if name:
            break
    else:
        return None
    try:
        from importlib.metadata import entry_points

        points = list(entry_points(group="opentelemetry_otlp_credential_provider", name=name))
        if not points:
            raise LookupError("no installed package has an entry point of that name")
        session = points[0].load()()
        if not callable(getattr(session, "request", None)):
            raise TypeError(f"it gives a {type(session).__name__}, which is no requests.Session")
    except Exception as error:
        _logger.warning(
            "otel-rs: %s is %.100r; expected the name of an entry point of opentelemetry_otlp_credential_provider that "
            "gives a requests.Session; using OTEL_EXPORTER_OTLP_HEADERS only: %s: %.200s",
            variable,
            name,
            type(error).__name__,
            " ".join(str(error).split()),
        )
        return None
    return session
