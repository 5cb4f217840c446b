"""Mails that tell a person what has just happened to their account."""

from flask_babel import force_locale
from flask_babel.speaklater import LazyString

from app.clock import utcnow
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import User
from app.domain.outbox import mail
from app.domain.playback import devices

DEFAULT_LANGUAGE = "en"
SECURITY = "/account/security"
SESSIONS = "/account/sessions"


def tell_of_new_device(user: User, client: ClientInfo) -> None:
    """Queue the mail about a sign-in from a device and a network not seen before."""
    mail.send(
        user.email,
        "new_device",
        user.locale,
        name=user.name,
        device=devices.name_of(client.user_agent),
        when=_now(),
        network=client.network,
        sessions_link=mail.absolute(SESSIONS),
    )


def tell_of_factor_change(user: User, what: LazyString) -> None:
    """Queue the mail about a second factor that came or went; `what` says which, in a sentence."""
    with force_locale(user.locale or DEFAULT_LANGUAGE):
        said = str(what)
    mail.send(
        user.email,
        "second_factor_changed",
        user.locale,
        name=user.name,
        what=said,
        when=_now(),
        security_link=mail.absolute(SECURITY),
    )


def _now() -> str:
    return utcnow().isoformat(timespec="seconds")
