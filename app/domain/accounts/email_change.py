"""Moving an account to another address: confirmed at the old one and at the new one.

Both links carry the same change's id; the one confirmed last makes it happen. An address that was
never verified may be a typing mistake or a stranger's, so it is not asked.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.clock import utcnow
from app.database import db
from app.domain.accounts import emails, one_time
from app.domain.accounts.models import OneTimeToken, TokenPurpose, User, UserStatus
from app.domain.accounts.sessions import MAX_TOKEN_LENGTH, hash_token
from app.domain.accounts.users import find_by_email
from app.domain.outbox import mail
from app.errors import InvalidInput, LinkInvalid

LIFETIME = timedelta(hours=24)
PURPOSES = (TokenPurpose.CHANGE_EMAIL_OLD, TokenPurpose.CHANGE_EMAIL_NEW)


@dataclass(frozen=True, slots=True)
class Change:
    """A change under way, and which of its two addresses have agreed."""

    user_id: uuid.UUID
    new_email: str
    expires_at: datetime
    is_old_confirmed: bool
    is_new_confirmed: bool

    @property
    def is_complete(self) -> bool:
        """Whether nobody is waited for."""
        return self.is_old_confirmed and self.is_new_confirmed


def request(user_id: uuid.UUID, new_email: str) -> None:
    """Mail both addresses a link; an earlier change is withdrawn. Raises InvalidInput.

    Whether another account has the new address is not told: its owner is, by mail.
    """
    user = _locked(user_id)
    address = emails.normalise_email(new_email)
    if fault := emails.find_fault(new_email):
        raise InvalidInput({"email": fault})
    if address == user.email.lower():
        raise InvalidInput({"email": "This is your address already."})
    asks_old = user.email_verified_at is not None
    payload = {"new_email": address, "change": str(uuid.uuid4()), "asks_old": asks_old}
    one_time.withdraw(user.id, *PURPOSES)
    if asks_old:
        _ask_old(user, payload)
    token = one_time.issue(user.id, TokenPurpose.CHANGE_EMAIL_NEW, LIFETIME, payload)
    owner = find_by_email(address)
    if owner is None:
        link = mail.absolute(f"/auth/verify/new-email/{token}")
        mail.send(address, "email_change_new", user.locale, name=user.name, link=link)
    elif owner.status is UserStatus.ACTIVE:
        mail.send(
            owner.email,
            "already_registered",
            owner.locale,
            name=owner.name,
            sign_in_link=mail.absolute("/auth/sign-in"),
            reset_link=mail.absolute("/auth/reset"),
        )


def find_pending(user_id: uuid.UUID) -> Change | None:
    """Return the change that waits for a confirmation, None when there is none."""
    rows = db.session.scalars(
        select(OneTimeToken)
        .where(
            OneTimeToken.user_id == user_id,
            OneTimeToken.purpose.in_(PURPOSES),
            OneTimeToken.expires_at > utcnow(),
        )
        .order_by(OneTimeToken.created_at.desc(), OneTimeToken.id)
        .limit(2)
    ).all()
    latest = [row for row in rows if row.payload["change"] == rows[0].payload["change"]]
    if not any(row.used_at is None for row in latest):
        return None
    return _change_of(latest)


def find_by_link(token: str, purpose: TokenPurpose) -> Change | None:
    """Return the change that a link belongs to, None when the link works no more."""
    row = one_time.find_open(token, purpose)
    return find_pending(row.user_id) if row and _is_active(row.user_id) else None


def find_to_stop(token: str) -> Change | None:
    """Return the change that the old address' link may still stop, also after agreeing to it."""
    if not token or len(token) > MAX_TOKEN_LENGTH:
        return None
    row = db.session.scalar(
        select(OneTimeToken).where(
            OneTimeToken.token_hash == hash_token(token),
            OneTimeToken.purpose == TokenPurpose.CHANGE_EMAIL_OLD,
        )
    )
    if row is None or (row.used_at is not None and not row.payload.get("confirmed")):
        return None
    found = find_pending(row.user_id)
    return found if found and found.new_email == row.payload["new_email"] else None


def confirm(token: str, purpose: TokenPurpose) -> Change:
    """Agree to a change by one of its two links; the second one makes it happen.

    Raises LinkInvalid, and InvalidInput naming `email` when another account has taken the address
    meanwhile (the caller then cancels the change).
    """
    row = one_time.find_open(token, purpose)
    if row is None:
        raise LinkInvalid
    user = _locked(row.user_id)  # the other link may be opened at this very moment
    row = one_time.redeem(token, purpose)
    row.payload = {**row.payload, "confirmed": True}
    db.session.flush()
    change = _change_of(_tokens_of(user.id, row.payload["change"]))
    if change.is_complete:
        _apply(user, change.new_email)
    return change


def stop(token: str) -> Change:
    """Withdraw a change by the link that went to the old address. Raises LinkInvalid."""
    change = find_to_stop(token)
    if change is None:
        raise LinkInvalid
    cancel(change.user_id)
    return change


def cancel(user_id: uuid.UUID) -> None:
    """Withdraw the person's change, if there is one."""
    _locked(user_id)
    one_time.withdraw(user_id, *PURPOSES)


def _ask_old(user: User, payload: dict[str, Any]) -> None:
    token = one_time.issue(user.id, TokenPurpose.CHANGE_EMAIL_OLD, LIFETIME, payload)
    mail.send(
        user.email,
        "email_change_old",
        user.locale,
        name=user.name,
        new_email=payload["new_email"],
        confirm_link=mail.absolute(f"/auth/verify/old-email/{token}"),
        cancel_link=mail.absolute(f"/auth/verify/old-email/{token}/stop"),
    )


def _apply(user: User, new_email: str) -> None:
    old_email = user.email
    try:
        with db.session.begin_nested():
            user.email = new_email
            db.session.flush()
    except IntegrityError:
        raise InvalidInput(
            {"email": "Another account has this address by now. Choose another one."}
        ) from None
    user.email_verified_at = utcnow()
    one_time.withdraw(user.id, *TokenPurpose)  # links that went to the old address, too
    for address in (old_email, new_email):
        mail.send(address, "email_changed", user.locale, name=user.name, new_email=new_email)


def _locked(user_id: uuid.UUID) -> User:
    """Return the person with their row locked, so that changes of one account take turns."""
    user = db.session.get(User, user_id, with_for_update=True, populate_existing=True)
    if user is None or user.status is not UserStatus.ACTIVE:
        raise LinkInvalid
    return user


def _is_active(user_id: uuid.UUID) -> bool:
    user = db.session.get(User, user_id)
    return user is not None and user.status is UserStatus.ACTIVE


def _tokens_of(user_id: uuid.UUID, change: str) -> list[OneTimeToken]:
    rows = db.session.scalars(
        select(OneTimeToken).where(
            OneTimeToken.user_id == user_id,
            OneTimeToken.purpose.in_(PURPOSES),
            OneTimeToken.payload["change"].astext == change,
        ),
        execution_options={"populate_existing": True},
    )
    return list(rows)


def _change_of(tokens: list[OneTimeToken]) -> Change:
    """Return the change these tokens are of; an old address that was not asked has agreed."""
    agreed = {token.purpose for token in tokens if token.payload.get("confirmed")}
    asks_old = tokens[0].payload.get("asks_old", True)
    return Change(
        user_id=tokens[0].user_id,
        new_email=tokens[0].payload["new_email"],
        expires_at=tokens[0].expires_at,
        is_old_confirmed=not asks_old or TokenPurpose.CHANGE_EMAIL_OLD in agreed,
        is_new_confirmed=TokenPurpose.CHANGE_EMAIL_NEW in agreed,
    )
