"""What every change of a second factor ends with, whichever page or program made it."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from flask import Response, session
from flask_babel.speaklater import LazyString

from app.database import db
from app.domain.accounts import recovery_codes, sealing, sessions, users
from app.domain.accounts.models import SessionKind
from app.domain.accounts.sealing import Purpose, SealBroken
from app.domain.accounts.sessions import SignedIn
from app.domain.audit.actions import Action
from app.web import audit
from app.web.access import set_session_cookie
from app.web.auth import notices

SEPARATOR = " "


@dataclass(frozen=True)
class Changed:
    """The new token of this session, and the recovery codes that came with a first factor."""

    token: str
    recovery_codes: list[str] | None

    def onto(self, response: Response) -> Response:
        """Hand out the cookie."""
        set_session_cookie(response, self.token)
        return response


def conclude(
    person: SignedIn,
    action: Action,
    what: LazyString,
    *,
    is_proof: bool = False,
    new_codes: bool = False,
    **detail: Any,
) -> Changed:
    """Tell the person, rotate the session, note it in the trail and commit.

    With a first factor come recovery codes, and whoever is signed in elsewhere has never shown
    one, so those sessions end.
    """
    user = users.get_user(person.user_id)
    is_first = user.second_factor_added_at is not None and not recovery_codes.has_any(user.id)
    codes = recovery_codes.make(user.id) if is_first or new_codes else None
    if is_first:
        sessions.end_all(user.id, person.session_id, kind=SessionKind.BROWSER)
    token = sessions.rotate_in_place(person.session_id, is_second_factor=is_proof)
    notices.tell_of_factor_change(user, what)
    audit.note(action, **detail)
    if codes is not None and action is not Action.RECOVERY_CODES_MADE:
        audit.note(Action.RECOVERY_CODES_MADE)
    db.session.commit()
    return Changed(token, codes)


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


def forget(purpose: Purpose) -> None:
    """Drop what `keep` kept."""
    session.pop(purpose.value, None)


def keep_codes(person: SignedIn, codes: list[str] | None) -> None:
    """Keep new recovery codes for the page that shows them once."""
    if codes:
        keep(Purpose.RECOVERY_CODES, person, SEPARATOR.join(codes))
