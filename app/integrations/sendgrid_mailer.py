"""Mail by SendGrid."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from http.client import HTTPException
from typing import Any

from app.config import Settings
from app.errors import MailFailed, MailRefused
from app.integrations.mailer import (
    TIMEOUT_SECONDS,
    Message,
    compose,
    message_id,
    own_headers,
    quotable,
    reachable,
    sender_of,
)

# A body it cannot read, and one that is too large; all else is a limit, a pause or a setting.
_REFUSALS = frozenset({400, 413})


class SendGridMailer:
    """Speaks to SendGrid's API with its library, imported when first used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sender = sender_of(settings)

    def send(self, message: Message) -> None:
        """Hand `message` to SendGrid. Raises MailFailed, MailRefused."""
        compose(message, self._sender)  # refuses here what SendGrid would refuse with a riddle
        body = self._body(message)
        with _translating():
            # The library's `send` waits for ever; what it calls takes a timeout.
            self._client.client.mail.send.post(request_body=body, timeout=TIMEOUT_SECONDS)

    def check(self) -> str:
        """Ask what the key may do. Raises MailFailed when that is not to send."""
        with _translating():
            answer = self._client.client.scopes.get(timeout=TIMEOUT_SECONDS)
        scopes = json.loads(answer.body).get("scopes", ())
        if "mail.send" not in scopes:
            raise MailFailed("SendGrid's key may not send mail.")
        return "SendGrid takes the key"

    def _body(self, message: Message) -> dict[str, Any]:
        """Return the request: nothing tracked, so links go where the mail says they go."""
        off = {"enable": False}
        return {
            "personalizations": [{"to": [{"email": reachable(message.to)}]}],
            "from": {"email": self._sender.address, "name": self._sender.name_on(message)},
            "subject": message.subject,
            "headers": {**own_headers(message), "Message-ID": message_id(message, self._sender)},
            "content": [
                {"type": "text/plain", "value": message.text},
                {"type": "text/html", "value": message.html},
            ],
            "tracking_settings": {
                "click_tracking": off,
                "open_tracking": off,
                "subscription_tracking": off,
            },
        }

    @cached_property
    def _client(self) -> Any:
        from sendgrid import SendGridAPIClient  # noqa: PLC0415

        base = self._settings.sendgrid_api_base.rstrip("/")
        host = {"host": base} if base else {}
        return SendGridAPIClient(self._settings.sendgrid_api_key, **host)


@contextmanager
def _translating() -> Iterator[None]:
    """Turn the library's errors into ours. Raises MailFailed, MailRefused."""
    from python_http_client.exceptions import HTTPError  # noqa: PLC0415

    try:
        yield
    except HTTPError as error:
        raise _translated(error) from None
    except (OSError, HTTPException) as error:
        raise MailFailed(f"SendGrid does not answer: {type(error).__name__}.") from None


def _translated(error: Any) -> MailFailed:
    status = int(error.status_code)
    try:
        reasons = json.loads(error.body)["errors"]
        words = "; ".join(str(reason["message"]) for reason in reasons)
    except (ValueError, KeyError, TypeError):
        words = str(error.reason)
    detail = f"SendGrid answered {status}: {quotable(words)}"
    return MailRefused(detail) if status in _REFUSALS else MailFailed(detail)
