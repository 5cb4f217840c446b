"""Mail by Amazon SES."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from app.config import Settings
from app.errors import MailFailed, MailRefused
from app.integrations.mailer import (
    TIMEOUT_SECONDS,
    Message,
    compose,
    quotable,
    reachable,
    sender_of,
)

# What SES says to an address it cannot parse; all else is a limit, a pause or a setting.
_REFUSALS = frozenset({"BadRequestException", "InvalidParameterValue"})


class SesMailer:
    """Speaks to SES in one region, with the AWS keys of the settings or of the machine.

    SES gives each mail a Message-ID of its own, so a mail sent twice is not recognised as such.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sender = sender_of(settings)
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Hand `message` to SES. Raises MailFailed, MailRefused."""
        mail = compose(message, self._sender)
        to = reachable(message.to)
        if not to.isascii():
            raise MailRefused("SES takes no address with letters beyond ASCII.")
        with _translating():
            self._client.send_email(
                FromEmailAddress=self._sender.address,
                Destination={"ToAddresses": [to]},
                Content={"Raw": {"Data": mail.as_bytes()}},
            )

    def check(self) -> str:
        """Ask whether this account may send. Raises MailFailed."""
        with _translating():
            account = self._client.get_account()
        if not account.get("SendingEnabled"):
            raise MailFailed("SES has stopped this account's sending.")
        if not account.get("ProductionAccessEnabled"):
            raise MailFailed(
                "SES keeps this account in its sandbox: only verified people get mail."
            )
        return f"SES in {self._client.meta.region_name} takes mail of this account"

    @cached_property
    def _client(self) -> Any:
        import boto3  # noqa: PLC0415 - imported when first used: it costs 0.3 s of boot
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            connect_timeout=TIMEOUT_SECONDS,
            read_timeout=TIMEOUT_SECONDS,
            retries={"total_max_attempts": 1},  # the worker tries again, and counts
            # AWS_ENDPOINT_URL names a storage server; boto3 would send it the mail as well.
            ignore_configured_endpoint_urls=True,
        )
        with self._lock:  # a boto3 session is not made for two threads at once
            session = boto3.session.Session(
                aws_access_key_id=self._settings.aws_access_key_id or None,
                aws_secret_access_key=self._settings.aws_secret_access_key or None,
                region_name=self._settings.aws_ses_region,
            )
            return session.client("sesv2", config=config)


@contextmanager
def _translating() -> Iterator[None]:
    """Turn the SDK's errors into ours. Raises MailFailed, MailRefused."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        yield
    except ClientError as error:
        raise _translated(error) from None
    except BotoCoreError as error:
        raise MailFailed(f"SES does not answer: {type(error).__name__}.") from None


def _translated(error: Any) -> MailFailed:
    code = str(error.response.get("Error", {}).get("Code", ""))
    words = str(error.response.get("Error", {}).get("Message", ""))
    detail = f"SES answered {code}: {quotable(words)}"
    return MailRefused(detail) if code in _REFUSALS else MailFailed(detail)
