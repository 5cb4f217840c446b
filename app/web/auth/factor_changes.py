"""What every change of a second factor ends with, whichever page or program made it."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Response, flash, session
from flask_babel import lazy_gettext, ngettext
from flask_babel.speaklater import LazyString

from app.database import db
from app.domain.accounts import (
    recovery_codes,
    sealing,
    second_factor,
    sessions,
    totp,
    users,
)
from app.domain.accounts.models import SessionKind
from app.domain.accounts.sealing import Purpose, SealBroken
from app.domain.accounts.sessions import SignedIn
from app.domain.audit.actions import Action
from app.errors import InvalidInput, NotFound
from app.web import audit
from app.web.access import require_recent, set_session_cookie
from app.web.auth import notices

SEPARATOR = " "
APP_ADDED = lazy_gettext("An authenticator app was set up.")
APP_REMOVED = lazy_gettext("The authenticator app was removed.")
PASSKEY_REMOVED = lazy_gettext("A passkey was removed.")
CODES_MADE = lazy_gettext("New recovery codes were made. The older ones no longer work.")


@dataclass(frozen=True)
class Changed:
    """The new token of this session, and the recovery codes that came with a first factor."""

    token: str
    recovery_codes: list[str] | None

    def onto(self, response: Response) -> Response:
        """Hand out the cookie."""
        set_session_cookie(response, self.token)
        return response


def begin_app(person: SignedIn) -> str:
    """Return a secret for a new authenticator app and keep it. Raises ConfirmationRequired."""
    require_recent(person)
    secret = totp.new_secret()
    keep(Purpose.TOTP_SET_UP, person, secret)
    return secret


def add_app(person: SignedIn, code: str) -> Changed:
    """Add the app whose secret was kept. Raises ConfirmationRequired, InvalidInput."""
    require_recent(person)
    secret = kept(Purpose.TOTP_SET_UP, person)
    if secret is None:
        raise InvalidInput({"code": "Begin with a new secret."})
    totp.add(person.user_id, secret, code)
    changed = conclude(
        person, Action.SECOND_FACTOR_ADDED, APP_ADDED, is_proof=True, detail={"kind": "totp"}
    )
    session.pop(Purpose.TOTP_SET_UP.value, None)
    return changed


def drop_app(person: SignedIn) -> Changed:
    """Remove the app. Raises ConfirmationRequired, NotFound, Forbidden."""
    require_recent(person)
    if not second_factor.remove_totp(person.user_id):
        raise NotFound
    return conclude(person, Action.SECOND_FACTOR_REMOVED, APP_REMOVED, detail={"kind": "totp"})


def drop_passkey(person: SignedIn, passkey_id: UUID) -> Changed:
    """Remove one's own passkey. Raises ConfirmationRequired, NotFound, Forbidden."""
    require_recent(person)
    if second_factor.remove_passkey(person.user_id, passkey_id) is None:
        raise NotFound
    detail = {"kind": "passkey", "passkey": str(passkey_id)}
    return conclude(person, Action.SECOND_FACTOR_REMOVED, PASSKEY_REMOVED, detail=detail)


def make_codes(person: SignedIn) -> Changed:
    """Make new recovery codes. Raises ConfirmationRequired; NotFound without a second factor."""
    require_recent(person)
    if second_factor.factors_of(person.user_id).is_empty:
        raise NotFound
    return conclude(person, Action.RECOVERY_CODES_MADE, CODES_MADE, new_codes=True)


def conclude(
    person: SignedIn,
    action: Action,
    what: LazyString,
    *,
    is_proof: bool = False,
    new_codes: bool = False,
    detail: dict[str, Any] | None = None,
) -> Changed:
    """Tell the person, rotate the session, note it in the trail and commit.

    With a first factor come recovery codes, and whoever is signed in elsewhere has never shown
    one, so those sessions end.
    """
    user = users.get_user(person.user_id)
    is_first = user.second_factor_added_at is not None and not recovery_codes.has_any(user.id)
    codes = recovery_codes.make(user.id) if is_first or new_codes else None
    if is_first:
        _say_ended(sessions.end_all(user.id, person.session_id, kind=SessionKind.BROWSER))
    token = sessions.rotate_in_place(person.session_id, is_second_factor=is_proof)
    notices.tell_of_factor_change(user, what)
    audit.note(action, **(detail or {}))
    if codes is not None and action is not Action.RECOVERY_CODES_MADE:
        audit.note(Action.RECOVERY_CODES_MADE)
    db.session.commit()
    return Changed(token, codes)


def _say_ended(count: int) -> None:
    if count:
        text = ngettext(
            "%(num)d other device was signed out. Sign in there with your new second factor.",
            "%(num)d other devices were signed out. Sign in there with your new second factor.",
            count,
        )
        flash(text)


def keep(purpose: Purpose, person: SignedIn, secret: str) -> None:
    """Keep a secret in the form cookie, sealed for this session, for the page that shows it."""
    sealed = sealing.seal(purpose, person.session_id, secret.encode())
    session[purpose.value] = base64.b64encode(sealed).decode()


def kept(purpose: Purpose, person: SignedIn, *, once: bool = False) -> str | None:
    """Return what `keep` kept for this session, None when there is nothing (any more)."""
    text = session.pop(purpose.value, None) if once else session.get(purpose.value)
    try:
        sealed = base64.b64decode(text or "", validate=True)
        return sealing.unseal(purpose, person.session_id, sealed).decode()
    except (SealBroken, binascii.Error):
        return None


def keep_codes(person: SignedIn, codes: list[str] | None) -> None:
    """Keep new recovery codes for the page that shows them once."""
    if codes:
        keep(Purpose.RECOVERY_CODES, person, SEPARATOR.join(codes))
