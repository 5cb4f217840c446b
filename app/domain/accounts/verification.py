"""Is this address theirs: the mail after signing up, and the link in it."""

import uuid
from datetime import timedelta

from app.clock import utcnow
from app.database import db
from app.domain.accounts import one_time
from app.domain.accounts.models import TokenPurpose, User, UserStatus
from app.domain.outbox import jobs, mail
from app.errors import LinkInvalid

LIFETIME = timedelta(days=3)
ANSWER_SIGN_UP_TASK = "accounts.answer_sign_up"


def queue_answer(user_id: uuid.UUID, *, is_new: bool, locale: str | None) -> None:
    """Have the worker mail whoever signed up.

    The worker, because what is mailed depends on whether the address was known, and the time the
    request takes must not.
    """
    jobs.enqueue(
        ANSWER_SIGN_UP_TASK,
        queue=mail.MAIL_QUEUE,
        user_id=str(user_id),
        is_new=is_new,
        locale=locale,
    )


def answer_sign_up(user_id: uuid.UUID, *, is_new: bool, locale: str | None) -> None:
    """Mail a new person the link that verifies the address, a known one that they have an account.

    Nothing is mailed about an account that is suspended or gone.
    """
    user = db.session.get(User, user_id)
    if user is None or user.status is not UserStatus.ACTIVE:
        return
    if is_new:
        ask(user, locale)
        return
    mail.send(
        user.email,
        "already_registered",
        user.locale or locale,
        name=user.name,
        sign_in_link=mail.absolute("/auth/sign-in"),
        reset_link=mail.absolute("/auth/reset"),
    )


def ask(user: User, locale: str | None = None) -> None:
    """Mail a link that verifies the person's address; earlier ones stop working.

    Does nothing when the address is verified.
    """
    if user.email_verified_at is not None:
        return
    token = one_time.issue(user.id, TokenPurpose.VERIFY_EMAIL, LIFETIME, {"email": user.email})
    link = mail.absolute(f"/auth/verify/{token}")
    mail.send(user.email, "verify_email", user.locale or locale, name=user.name, link=link)


def find_address(token: str) -> str | None:
    """Return the address that a link would verify, None when it works no more."""
    row = one_time.find_open(token, TokenPurpose.VERIFY_EMAIL)
    user = db.session.get(User, row.user_id) if row else None
    if row is None or user is None or not _is_for(row.payload, user):
        return None
    return user.email if user.status is UserStatus.ACTIVE else None


def verify(token: str) -> User:
    """Mark the address of a link as its person's own. Raises LinkInvalid."""
    row = one_time.redeem(token, TokenPurpose.VERIFY_EMAIL)
    user = db.session.get_one(User, row.user_id)
    if user.status is not UserStatus.ACTIVE or not _is_for(row.payload, user):
        raise LinkInvalid
    user.email_verified_at = user.email_verified_at or utcnow()
    db.session.flush()
    return user


def _is_for(payload: dict[str, object], user: User) -> bool:
    """Whether the link went to the address the account still has."""
    return str(payload.get("email", "")).lower() == user.email.lower()
