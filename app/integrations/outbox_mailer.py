"""Mail of an installation without a vendor: it stays in the outbox, where the demo shows it."""

from app.config import Settings
from app.errors import MailFailed
from app.integrations.mailer import Message, compose, sender_of

_NOBODY = "No mail vendor is set: SMTP_URL, SENDGRID_API_KEY, AWS_SES_REGION."


class OutboxMailer:
    """The local twin: takes what a server would take, and sends nothing.

    The outbox page shows mails from their rows. In production nobody could read them there, so
    they are not taken: they wait for a vendor to be set, as long as their attempts last.
    """

    def __init__(self, settings: Settings) -> None:
        self._sender = sender_of(settings)
        self._is_readable = not settings.is_production

    def send(self, message: Message) -> None:
        """Check that `message` could be sent. Raises MailRefused; in production MailFailed."""
        compose(message, self._sender)
        if not self._is_readable:
            raise MailFailed(_NOBODY)

    def check(self) -> str:
        """Return where mail stays. Raises MailFailed in production."""
        if not self._is_readable:
            raise MailFailed(_NOBODY)
        return "the outbox page shows it"
