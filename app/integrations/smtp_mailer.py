"""Mail over SMTP: `smtps://user:password@host:465`, or `smtp://…:587` with STARTTLS.

A relay on a trusted network that knows no TLS takes `smtp://host:25?tls=off`, without a password.
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from urllib.parse import parse_qsl, unquote, urlsplit

from app.config import ConfigurationError, Settings
from app.errors import MailFailed, MailRefused
from app.integrations.mailer import (
    TIMEOUT_SECONDS,
    Message,
    compose,
    quotable,
    reachable,
    sender_of,
)

_PORTS = {"smtps": 465, "smtp": 587}
_AUTHENTICATION_CODES = frozenset({530, 534, 535, 538})


class SmtpMailer:
    """Speaks to one server, one connection a mail. Never sends anything but over verified TLS,
    unless the address says that there is none."""

    def __init__(self, settings: Settings, tls: ssl.SSLContext | None = None) -> None:
        """Read the address. `tls` replaces the system's trust. Raises ConfigurationError."""
        self._sender = sender_of(settings)
        parts = urlsplit(settings.smtp_url)
        try:
            port = parts.port
        except ValueError:
            port = 0
        if parts.scheme not in _PORTS or not parts.hostname or port == 0:
            raise ConfigurationError("SMTP_URL must be smtps://user:password@host:port")
        self._host = parts.hostname
        self._port = port or _PORTS[parts.scheme]
        self._is_tls_from_start = parts.scheme == "smtps"
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._is_plain = dict(parse_qsl(parts.query)).get("tls") == "off"
        if self._is_plain and (self._user or self._is_tls_from_start):
            raise ConfigurationError("SMTP_URL: tls=off goes with smtp:// and without a password")
        self._given_tls = tls

    def send(self, message: Message) -> None:
        """Hand `message` to the server. Raises MailFailed, MailRefused."""
        mail = compose(message, self._sender)
        with _translating(), self._connected() as server:
            self._hand_over(server, mail, reachable(message.to))

    def check(self) -> str:
        """Sign in and leave again; return how the server greets. Raises MailFailed."""
        with _translating(), self._connected() as server:
            greeting = (server.ehlo_resp or server.helo_resp or b"").split(b"\n")[0]
        return f"{self._host}: {quotable(greeting.decode('utf-8', 'replace'))}"

    def _hand_over(self, server: smtplib.SMTP, mail: EmailMessage, to: str) -> None:
        if not to.isascii() and not server.has_extn("smtputf8"):
            raise MailRefused("The mail server takes no address with letters beyond ASCII.")
        server.send_message(mail, from_addr=self._sender.address, to_addrs=[to])

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        server = self._connect()
        try:
            if not self._is_tls_from_start and not self._is_plain:
                server.starttls(context=self._tls)
            if self._user:
                server.login(self._user, self._password)
            server.ehlo_or_helo_if_needed()
            yield server
            # The mail is theirs by now: a clumsy farewell does not undo it.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
        finally:
            server.close()

    def _connect(self) -> smtplib.SMTP:
        name = self._sender.domain  # told at EHLO; looking up one's own can take seconds
        if self._is_tls_from_start:
            return smtplib.SMTP_SSL(
                self._host, self._port, name, timeout=TIMEOUT_SECONDS, context=self._tls
            )
        return smtplib.SMTP(self._host, self._port, name, timeout=TIMEOUT_SECONDS)

    @property
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or ssl.create_default_context()


@contextmanager
def _translating() -> Iterator[None]:
    """Turn the library's errors into ours. Raises MailFailed, MailRefused."""
    try:
        yield
    except smtplib.SMTPException as error:
        raise _translated(error) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise MailFailed(f"The mail server does not answer: {quotable(reason)}.") from None


def _translated(error: smtplib.SMTPException) -> MailFailed:
    """Return what an SMTP error means: 5xx about the recipient or the mail is final.

    A refused sender or password is this installation's mistake, which may be mended in time.
    """
    is_about_the_mail = isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError)
    code: int
    words: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, words = error.smtp_code, error.smtp_error
    else:
        return MailFailed(f"The mail server does not do its part: {quotable(str(error))}.")
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    detail = f"The mail server answered {code}: {quotable(said)}"
    is_final = 500 <= code < 600 and code not in _AUTHENTICATION_CODES
    return MailRefused(detail) if is_about_the_mail and is_final else MailFailed(detail)
