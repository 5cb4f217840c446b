"""Passwords forgotten and changed: the mailed link, and what a new password puts an end to."""

import uuid
from datetime import timedelta

from sqlalchemy import update

from app.clock import utcnow
from app.database import db
from app.domain.accounts import one_time, second_factor, sessions
from app.domain.accounts.models import (
    ApiKey,
    SessionKind,
    TokenPurpose,
    User,
    UserStatus,
)
from app.domain.accounts.passwords import (
    MAX_LENGTH,
    check_password,
    hash_password,
    verify_password,
)
from app.domain.accounts.users import find_by_email
from app.domain.outbox import jobs, mail
from app.errors import InvalidInput, LinkInvalid

LIFETIME = timedelta(minutes=30)
SEND_LINK_TASK = "accounts.send_reset_link"


def queue_link(email: str, locale: str | None) -> uuid.UUID | None:
    """Have the worker mail a link to whoever has this address; return the person's id, if any.

    The worker looks whether there is anything to do, so that the request takes as long for an
    unknown address: it queues a job about nobody.
    """
    user = find_by_email(email)
    user_id = user.id if user else None
    jobs.enqueue(
        SEND_LINK_TASK, queue=mail.MAIL_QUEUE, user_id=str(user_id or uuid.uuid4()), locale=locale
    )
    return user_id


def send_link(user_id: uuid.UUID, locale: str | None) -> None:
    """Mail a link that sets a new password; earlier ones stop working.

    Nothing is mailed to nobody, nor about an account that is suspended or gone.
    """
    user = db.session.get(User, user_id)
    if user is None or user.status is not UserStatus.ACTIVE:
        return
    token = one_time.issue(user.id, TokenPurpose.RESET_PASSWORD, LIFETIME)
    mail.send(
        user.email,
        "reset_password",
        user.locale or locale,
        name=user.name,
        link=mail.absolute(f"/auth/reset/{token}"),
        minutes=int(LIFETIME.total_seconds() // 60),
    )


def find_person(token: str) -> User | None:
    """Return whose password a link would set, None when it works no more."""
    row = one_time.find_open(token, TokenPurpose.RESET_PASSWORD)
    user = db.session.get(User, row.user_id) if row else None
    return user if user is not None and user.status is UserStatus.ACTIVE else None


def reset(token: str, password: str, device: str) -> User:
    """Set a new password by a mailed link: every sign-in, stream, API key and other link ends.

    A link that reached the person proves the address. What was added to the account before its
    address was ever proved may be somebody else's, so second factors of that time go, too.
    Raises LinkInvalid, InvalidInput (the link stays good) and TooManyRequests.
    """
    user = find_person(token)
    if user is None:
        raise LinkInvalid
    check_password(password, user.email)
    password_hash = hash_password(password)
    one_time.redeem(token, TokenPurpose.RESET_PASSWORD)
    user.password_hash = password_hash
    if user.email_verified_at is None:
        second_factor.reset(user.id)
        user.email_verified_at = utcnow()
    db.session.execute(
        update(ApiKey)
        .where(ApiKey.user_id == user.id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=utcnow())
        .execution_options(synchronize_session=False)
    )
    sessions.end_all(user.id)
    one_time.withdraw(user.id, *TokenPurpose)
    _tell(user, device)
    return user


def is_password(user: User, password: str) -> bool:
    """Whether this is the person's password. Raises TooManyRequests in a rush."""
    return len(password) <= MAX_LENGTH and verify_password(user.password_hash, password)


def change_password(
    user: User, current: str, password: str, session_id: uuid.UUID, device: str
) -> str:
    """Replace a known password; return this sign-in's new token, all other sign-ins end.

    API keys go on. Raises InvalidInput naming `current_password` or `password`, TooManyRequests.
    """
    if not is_password(user, current):
        raise InvalidInput({"current_password": "That is not your current password."})
    check_password(password, user.email)
    if password == current:
        raise InvalidInput({"password": "Choose another password than the one you have."})
    user.password_hash = hash_password(password)
    one_time.withdraw(user.id, TokenPurpose.RESET_PASSWORD)
    sessions.end_all(user.id, except_session_id=session_id, kind=SessionKind.BROWSER)
    token = sessions.rotate_in_place(session_id, is_proof=True)
    _tell(user, device)
    return token


def _tell(user: User, device: str) -> None:
    db.session.flush()
    mail.send(
        user.email,
        "password_changed",
        user.locale,
        name=user.name,
        reset_link=mail.absolute("/auth/reset"),
        when=utcnow().isoformat(timespec="seconds"),
        device=device,
    )
