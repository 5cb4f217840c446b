"""nginx with the project's configuration on loopback ports, before any server a test names."""

import http.client
import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.clock import utcnow
from tests.support.server import ROOT, free_port, running, wait_until

HOST = "courses.example.test"
KEY = "0123456789abcdef" * 4
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
Answer = tuple[http.client.HTTPResponse, bytes]


@dataclass(frozen=True)
class Proxy:
    """A running nginx: its ports, its folder and its first process."""

    port: int
    tls_port: int
    folder: Path
    process: "subprocess.Popen[bytes]"

    def ask(self, path: str, method: str = "GET", host: str = HOST, **headers: str) -> Answer:
        """Ask over TLS; `headers` have underscores for hyphens."""
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.tls_port, context=context, timeout=10
        )
        return _ask(connection, path, method, host, headers)

    def ask_plainly(self, path: str, host: str = HOST, **headers: str) -> Answer:
        """Ask over plain HTTP."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        return _ask(connection, path, "GET", host, headers)

    def received(self, path: str, **headers: str) -> dict[str, str]:
        """Return the headers that an upstream got, which it answers as JSON."""
        return dict(json.loads(self.ask(path, **headers)[1]))

    def log(self) -> list[dict[str, str]]:
        """Return the access log."""
        lines = (self.folder / "nginx-access.log").read_text().splitlines()
        return [json.loads(line) for line in lines]


def _ask(
    connection: http.client.HTTPConnection,
    path: str,
    method: str,
    host: str,
    headers: Mapping[str, str],
) -> Answer:
    sent = {"Host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(connection):
        connection.request(method, path, headers=sent)
        response = connection.getresponse()
        return response, response.read()


def is_root() -> bool:
    """Whether the tests run as root."""
    return os.geteuid() == 0


def make_certificate(folder: Path, host: str = HOST) -> None:
    """Write a certificate for `host`, its key, and in ca.pem the authority that signed it."""
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer, subject = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("Authority", host)
    )
    ca = _signed(issuer, issuer, authority, authority, is_ca=True)
    certificate = _signed(subject, issuer, key, authority, host)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    folder.mkdir(exist_ok=True)
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(pem)


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    authority: ec.EllipticCurvePrivateKey,
    host: str = "",
    *,
    is_ca: bool = False,
) -> x509.Certificate:
    public, signer = key.public_key(), authority.public_key()
    use = {
        "content_commitment": False,
        "key_encipherment": False,
        "data_encipherment": False,
        "key_agreement": False,
        "encipher_only": False,
        "decipher_only": False,
        "digital_signature": not is_ca,
        "key_cert_sign": is_ca,
        "crl_sign": is_ca,
    }
    builder = (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(utcnow() - timedelta(days=1))
        .not_valid_after(utcnow() + timedelta(days=60))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**use), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
    )
    if host:
        server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        builder = builder.add_extension(server, critical=False).add_extension(names, critical=False)
    return builder.sign(authority, hashes.SHA256())


def environment_of(folder: Path, **values: str) -> dict[str, str]:
    """Return what render.sh needs to keep everything below `folder`; `values` come first."""
    defaults = {
        "SITE_HOST": HOST,
        "WEB_UPSTREAM": "unix:/run/web.sock",
        "MEDIA_ROOT": str(folder),
        "STATIC_ROOT": str(folder / "static-root"),
        "ACME_ROOT": str(folder / "acme"),
        "TLS_ROOT": str(folder / "tls"),
        "CACHE_ROOT": str(folder / "cache"),
        "LOG_ROOT": str(folder),
        "PID_FILE": str(folder / "nginx.pid"),
        "LISTEN_ADDRESS": "127.0.0.1",
        "HTTP_PORT": "8080",
        "HTTPS_PORT": "8443",
        "PUBLIC_PORT": "443",
        "NGINX_USER": "root" if is_root() else "",
        "NGINX_WORKERS": "1",
        "NGINX_CONNECTIONS": "1024",
        "PAGE_CACHE_KEY": KEY,
        "PATH": os.environ["PATH"],
    }
    return defaults | values


def render(folder: Path, **values: str) -> Path:
    """Render nginx/ to `folder`/nginx and return the main file there."""
    (folder / "cache").mkdir(parents=True, exist_ok=True)
    environment = environment_of(folder, **values)
    make_certificate(folder / "tls", environment["SITE_HOST"])
    command = [str(ROOT / "nginx" / "render.sh"), str(folder / "nginx")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "nginx" / "nginx.conf"


def command(configuration: Path, *arguments: str) -> list[str]:
    """Return nginx's command line for a rendered configuration."""
    if NGINX is None:
        pytest.skip("nginx is not installed (Debian: nginx-light)")
    return [NGINX, "-p", str(configuration.parent), "-c", str(configuration), *arguments]


@contextmanager
def serving(folder: Path, **values: str) -> Iterator[Proxy]:
    """Run nginx for the block, everything of it below `folder`."""
    ports = {"HTTP_PORT": str(free_port()), "HTTPS_PORT": str(free_port())} | values
    configuration = render(folder, **ports)
    port, tls_port = int(ports["HTTP_PORT"]), int(ports["HTTPS_PORT"])

    def listens() -> bool:
        with socket.socket() as client:
            return client.connect_ex((values.get("LISTEN_ADDRESS", "127.0.0.1"), tls_port)) == 0

    arguments = command(configuration, "-g", "daemon off;")
    with running(arguments, {}, folder / "nginx.log") as process:
        wait_until(listens, 10, "nginx listens")
        yield Proxy(port, tls_port, folder, process)


class Upstream(http.server.BaseHTTPRequestHandler):
    """Answers with the headers it was sent; sends files and pages as the application does."""

    protocol_version = "HTTP/1.1"
    answered = 0

    def do_GET(self) -> None:
        type(self).answered += 1
        body = json.dumps(dict(self.headers) | {"count": str(self.answered)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        if self.path.startswith("/media/"):
            self.send_header("X-Accel-Redirect", f"/_stored{self.path}")
            self.send_header("Cache-Control", "private, no-store")
        elif self.path.startswith("/learn/"):
            self.send_header("X-Accel-Redirect", "/_stored/files/f/source")
            self.send_header("Content-Disposition", "inline; filename=a.pdf")
            self.send_header("Cache-Control", "private, no-store")
        elif self.path.startswith(("/static/", "/courses")):
            self.send_header("Cache-Control", "public, max-age=60")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def telling() -> Iterator[str]:
    """Serve `Upstream` for the block; yield its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
