"""Servers that take mail in tests: SMTP with and without TLS and passwords, SendGrid's API."""

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.support.server import free_port

USER, PASSWORD = "courses@example.com", "a password: with@odd/signs"


@dataclass
class SmtpServer:
    """Takes mails into `taken`; answers RCPT, DATA and QUIT with what is set for them."""

    port: int = 0
    rcpt: str = ""
    data: str = ""
    quit: str = ""
    is_slow: bool = False
    is_asked: bool = False
    taken: list[Envelope] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)

    @property
    def mails(self) -> list[EmailMessage]:
        """What was taken, parsed."""
        parsed = [message_from_bytes(e.content, policy=default) for e in self.taken]  # type: ignore[arg-type]
        return cast(list[EmailMessage], parsed)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Note the recipient, or refuse it."""
        if self.rcpt:
            return self.rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the mail, or refuse it; while `is_slow`, think about it."""
        self.is_asked = True
        while self.is_slow:  # noqa: ASYNC110 - another thread says when it is over
            await asyncio.sleep(0.05)
        if self.data:
            return self.data
        self.taken.append(envelope)
        self.was_encrypted.append(session.ssl is not None)
        return "250 OK"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Say goodbye."""
        return self.quit or "221 Bye"

    def authenticate(self, *arguments: Any) -> AuthResult:
        """Know one user."""
        given = cast(LoginPassword, arguments[-1])
        is_right = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, handled=is_right)


class _Quiet(Controller):
    """A controller whose probe at start is a mere connection, whatever is spoken on it."""

    def _trigger_server(self) -> None:
        socket.create_connection((self.hostname, self.port), 5).close()


@contextmanager
def smtp_server(
    certificate: ssl.SSLContext | None = None,
    *,
    is_tls_from_start: bool = False,
    has_passwords: bool = False,
    knows_utf8: bool = True,
) -> Iterator[SmtpServer]:
    """Run a server for the block. With a certificate it offers STARTTLS and demands it."""
    server = SmtpServer()
    arguments: dict[str, Any] = {"enable_SMTPUTF8": knows_utf8}
    if has_passwords:
        arguments |= {"authenticator": server.authenticate, "auth_required": not is_tls_from_start}
    if is_tls_from_start:
        arguments |= {"ssl_context": certificate, "auth_require_tls": False}
    elif certificate:
        arguments |= {"tls_context": certificate, "require_starttls": True}
    server.port = free_port()
    controller = _Quiet(server, hostname="127.0.0.1", port=server.port, **arguments)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


def make_certificate(directory: Path, name: str = "localhost") -> tuple[ssl.SSLContext, Path]:
    """Return a server's TLS context for `name`, and the file that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, private = directory / f"{name}.pem", directory / f"{name}.key"
    trusted.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return context, trusted


@dataclass
class SendGrid:
    """SendGrid's API as far as it takes mails: `answer` is what it says to the next ones."""

    url: str = ""
    answer: tuple[int, Any] = (202, None)
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)


@contextmanager
def sendgrid() -> Iterator[SendGrid]:
    """Run it for the block."""
    sink = SendGrid()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            sink.requests.append((self.path, dict(self.headers), json.loads(body or b"null")))
            status, said = sink.answer
            words = b"" if said is None else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(words)))
            self.end_headers()
            self.wfile.write(words)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    sink.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield sink
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
