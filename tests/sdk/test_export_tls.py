"""HTTPS collectors: whom the exporter trusts, and how it says who it is."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from sdk.two_sdks import NATIVE, STOCK, Sdk, both_sdks, run

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")


@pytest.fixture(autouse=True)
def no_other_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what `requests` reads: it would win over the stock exporter's own configuration."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, and a server's and a client's certificate that it signed."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    # With the extensions that Python 3.13 and later insist on.
    authority = ("-days", "2", "-subj", "/CN=ca", "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", *authority)
    (folder / "extensions").write_text(
        "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n"
        "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
    )
    for name in ("server", "client"):
        openssl("req", *new_key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signed_by = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "extensions")
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signed_by)
    return folder


# What `openssl req -x509` makes with these extensions; by itself it makes one that may sign others.
SELF_SIGNED = {
    "plain": ("subjectAltName=IP:127.0.0.1",),
    "for_servers": ("subjectAltName=IP:127.0.0.1,DNS:x", "extendedKeyUsage=serverAuth", "keyUsage=digitalSignature"),
    "no_authority": ("subjectAltName=IP:127.0.0.1", "basicConstraints=critical,CA:FALSE"),
    "expired": ("subjectAltName=IP:127.0.0.1",),
    "other": ("subjectAltName=IP:127.0.0.1",),
    "other_host": ("subjectAltName=IP:127.0.0.2,DNS:localhost",),
    "for_code": ("subjectAltName=IP:127.0.0.1", "extendedKeyUsage=codeSigning"),
    "for_signing": ("subjectAltName=IP:127.0.0.1", "keyUsage=critical,keyCertSign"),
}


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a self-signed certificate and its key for each of ``SELF_SIGNED``."""
    folder = tmp_path_factory.mktemp("self_signed")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    for name, extensions in SELF_SIGNED.items():
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key")
        added = [part for extension in extensions for part in ("-addext", extension)]
        # Each a name of its own: a verifier looks for issuers by name.
        openssl("req", "-x509", *key, "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}", *added)
        if name == "expired":
            # It ends in the second in which it begins.
            openssl("x509", "-in", "expired.pem", "-signkey", "expired.key", "-days", "0", "-out", "expired.pem")
    return folder


@contextmanager
def collector(certificates: Path, client_needed: bool = False, name: str = "server") -> Iterator[tuple[str, list[str]]]:
    """The endpoint of a collector, and the common name of the client of each request."""
    clients: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            subject = dict(pair for [pair] in (self.connection.getpeercert() or {}).get("subject", ()))
            clients.append(subject.get("commonName", ""))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(HTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    if client_needed:
        context.load_verify_locations(certificates / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}", clients
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@both_sdks
def test_the_authority_that_was_named_is_trusted(sdk: Sdk, certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(certificates / "ca.pem"))
    with collector(certificates) as (endpoint, clients):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        with sdk.tracer() as tracer:
            tracer.start_span("s").end()
    assert clients == [""]


@both_sdks
def test_the_client_shows_its_certificate(sdk: Sdk, certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(certificates / "ca.pem"))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", str(certificates / "client.pem"))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", str(certificates / "client.key"))
    with collector(certificates, client_needed=True) as (endpoint, clients):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        with sdk.tracer() as tracer:
            tracer.start_span("s").end()
    assert clients == ["client"]


@both_sdks
def test_an_unknown_authority_is_not_trusted(sdk: Sdk, certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with collector(certificates) as (endpoint, clients):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        with sdk.tracer(timeout=0.5) as tracer:
            tracer.start_span("s").end()
    assert clients == []


def export(sdk: Sdk, signal: str, **exporter: object) -> None:
    """One span or one metric."""
    if signal == "spans":
        with sdk.tracer(**exporter) as tracer:
            tracer.start_span("s").end()
    else:
        with sdk.meter(**exporter) as meter:
            meter.create_counter("c").add(1)


@both_sdks
@pytest.mark.parametrize("signal", ["spans", "metrics"])
def test_the_files_can_be_arguments(sdk: Sdk, signal: str, certificates: Path) -> None:
    files = {
        "certificate_file": str(certificates / "ca.pem"),
        "client_certificate_file": str(certificates / "client.pem"),
        "client_key_file": str(certificates / "client.key"),
    }
    with collector(certificates, client_needed=True) as (endpoint, clients):
        export(sdk, signal, endpoint=endpoint, **files)
    assert clients == ["client"]


@both_sdks
def test_an_argument_wins_over_the_variable(
    sdk: Sdk, certificates: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", str(certificates / "client.pem"))
    # Certificate and key in one file.
    both = tmp_path / "both.pem"
    both.write_text((certificates / "client.key").read_text() + (certificates / "client.pem").read_text())
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", str(both))
    with collector(certificates, client_needed=True) as (endpoint, clients):
        export(sdk, "spans", endpoint=endpoint, certificate_file=str(certificates / "ca.pem"))
    assert clients == ["client"]


@both_sdks
@pytest.mark.parametrize("by", ["variable", "argument"])
@pytest.mark.parametrize("name", ["plain", "for_servers", "no_authority"])
def test_a_self_signed_certificate_that_was_named_is_trusted(
    sdk: Sdk, by: str, name: str, self_signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: dict[str, object] = {}
    if by == "variable":
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(self_signed / f"{name}.pem"))
    else:
        arguments["certificate_file"] = str(self_signed / f"{name}.pem")
    with collector(self_signed, name=name) as (endpoint, clients):
        export(sdk, "spans" if by == "variable" else "metrics", endpoint=endpoint, **arguments)
    assert clients == [""]


@pytest.mark.parametrize(
    ("shown", "named"),
    [
        ("plain", "other"),
        ("other", "plain"),
        ("other_host", "other_host"),
        ("expired", "expired"),
        ("for_code", "for_code"),
        ("for_signing", "for_signing"),
    ],
)
def test_no_other_one_is(shown: str, named: str, self_signed: Path) -> None:
    with collector(self_signed, name=shown) as (endpoint, clients):
        exporter = NATIVE.OTLPSpanExporter(endpoint=endpoint, certificate_file=self_signed / f"{named}.pem")
        processor = NATIVE.BatchSpanProcessor(exporter)
        provider = NATIVE.TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(processor)
        provider.get_tracer("scope").start_span("s").end()
        processor.shutdown(timeout_millis=1500)
    assert clients == []
    assert processor.dropped_spans == 1


@pytest.mark.parametrize("shown", ["other_host", "expired", "for_signing"])
def test_stock_trusts_it_as_little(shown: str, self_signed: Path) -> None:
    with collector(self_signed, name=shown) as (endpoint, clients):
        export(STOCK, "spans", endpoint=endpoint, certificate_file=str(self_signed / f"{shown}.pem"), timeout=0.5)
    assert clients == []


def test_a_key_of_another_certificate_is_one_line(certificates: Path) -> None:
    program = f"""
from otel_rs_sdk import OTLPMetricExporter
OTLPMetricExporter(
    "https://127.0.0.1:1/", client_certificate_file="{certificates}/client.pem", client_key_file="{certificates}/ca.key"
)
"""
    log = run(program)
    assert log.count("\n") == 1
    assert log.startswith(f"ERROR otel-rs: the argument client_certificate_file names {certificates}/client.pem, which")
    assert "expected a PEM certificate and the key that belongs to it" in log
