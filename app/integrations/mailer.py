"""The mailer role: hands one finished mail to a server or vendor that delivers it.

What every client shares is here: the message, who it is from, and its form on the wire.
"""

import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Protocol
from urllib.parse import urlsplit

from app.clock import utcnow
from app.config import ConfigurationError, Settings
from app.errors import MailRefused

TIMEOUT_SECONDS = 10.0
# Seven bits go through every server there is.
_WIRE = SMTP.clone(cte_type="7bit")
_ADDRESS = re.compile(r"\S+@\S+|https?://\S+")
_MAX_WORDS = 300


@dataclass(frozen=True)
class Message:
    """A mail to one address, rendered. `key` is the same at every attempt to send it.

    `site_name` is who it is from where MAIL_FROM names nobody, `request_id` is of the request that
    it goes back to.
    """

    key: str
    to: str
    subject: str
    text: str
    html: str
    language: str
    site_name: str = ""
    request_id: str = ""


@dataclass(frozen=True)
class Sender:
    """Whom mail is from; the domain of `address` is in ASCII. `is_named` by MAIL_FROM."""

    name: str
    address: str
    is_named: bool = False

    @property
    def domain(self) -> str:
        """Return the part behind the @."""
        return self.address.rpartition("@")[2]

    def name_on(self, message: Message) -> str:
        """Return the name that readers of `message` see."""
        return self.name if self.is_named else message.site_name or self.name


class Mailer(Protocol):
    """Hands mails over. A second call with the same key may deliver the mail twice."""

    def send(self, message: Message) -> None:
        """Hand `message` over. Raises MailFailed (worth another attempt), MailRefused (never)."""
        ...

    def check(self) -> str:
        """Return what whoever delivers it says of itself and of us. Raises MailFailed."""
        ...


def sender_of(settings: Settings) -> Sender:
    """Return whom this installation's mail is from. Raises ConfigurationError."""
    name, address = parseaddr(settings.mail_from)
    if not settings.mail_from:
        host = urlsplit(settings.public_base_url).hostname or "localhost"
        return Sender(settings.site_name, f"no-reply@{host}")
    try:
        return Sender(name or settings.site_name, reachable(address), is_named=bool(name))
    except MailRefused:
        raise ConfigurationError("MAIL_FROM is not an address mail can be sent from") from None


def reachable(address: str) -> str:
    """Return `address` with its domain as the DNS knows it, in ASCII. Raises MailRefused."""
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - long to load

    try:
        checked = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise MailRefused("The recipient's address is not an address.") from None
    return f"{checked.local_part}@{checked.ascii_domain}"


def compose(message: Message, sender: Sender) -> EmailMessage:
    """Return the mail as it goes over the wire: text and HTML, subject in any script.

    Its Message-ID depends on the key alone, so a receiver recognises a mail that comes twice.
    Raises MailRefused when the address, or anything else in the headers, is malformed.
    """
    mail = EmailMessage(policy=_WIRE)
    try:
        mail["From"] = _address(sender.address, sender.name_on(message))
        mail["To"] = _address(reachable(message.to))
        mail["Subject"] = message.subject
        mail["Date"] = format_datetime(utcnow())
        mail["Message-ID"] = message_id(message, sender)
    except ValueError:
        raise MailRefused("A header of the mail is malformed.") from None
    for name, value in own_headers(message).items():
        mail[name] = value
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    mail["Content-Language"] = message.language  # before, it would have moved to the first part
    return mail


# No human wrote it, and no machine need answer.
UNATTENDED = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


def own_headers(message: Message) -> dict[str, str]:
    """Return the headers that say what kind of mail it is, and what it goes back to."""
    asked_by = {"X-Request-Id": message.request_id} if message.request_id else {}
    return UNATTENDED | asked_by


def message_id(message: Message, sender: Sender) -> str:
    """Return the Message-ID: the same at every attempt."""
    return f"<{message.key}@{sender.domain}>"


def quotable(words: str) -> str:
    """Return a vendor's words on one line, short, without any address or link in them."""
    return _ADDRESS.sub("…", " ".join(words.split()))[:_MAX_WORDS]


def _address(address: str, name: str = "") -> Address:
    local, _, domain = address.rpartition("@")
    return Address(display_name=name, username=local, domain=domain)
