"""One-time links: 256 random bits in a mail, a hash in the database, good once."""

import secrets
import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import OneTimeToken, TokenPurpose
from app.domain.accounts.sessions import MAX_TOKEN_LENGTH, TOKEN_BYTES, hash_token
from app.errors import LinkInvalid


def issue(
    user_id: uuid.UUID,
    purpose: TokenPurpose,
    lifetime: timedelta,
    payload: dict[str, Any] | None = None,
) -> str:
    """Return a new token for a link; older ones of the same purpose stop working."""
    withdraw(user_id, purpose)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    now = utcnow()
    db.session.add(
        OneTimeToken(
            user_id=user_id,
            purpose=purpose,
            token_hash=hash_token(token),
            payload=payload or {},
            created_at=now,
            expires_at=now + lifetime,
        )
    )
    db.session.flush()
    return token


def find_open(token: str, purpose: TokenPurpose) -> OneTimeToken | None:
    """Return what a token stands for without using it up; None when it works no more."""
    if not token or len(token) > MAX_TOKEN_LENGTH:
        return None
    return db.session.scalar(
        select(OneTimeToken).where(
            OneTimeToken.token_hash == hash_token(token),
            OneTimeToken.purpose == purpose,
            OneTimeToken.used_at.is_(None),
            OneTimeToken.expires_at > utcnow(),
        )
    )


def redeem(token: str, purpose: TokenPurpose) -> OneTimeToken:
    """Use a token up and return its row. Raises LinkInvalid.

    Of two requests with one token the database lets one through.
    """
    if not token or len(token) > MAX_TOKEN_LENGTH:
        raise LinkInvalid
    now = utcnow()
    row: OneTimeToken | None = db.session.scalar(
        update(OneTimeToken)
        .where(
            OneTimeToken.token_hash == hash_token(token),
            OneTimeToken.purpose == purpose,
            OneTimeToken.used_at.is_(None),
            OneTimeToken.expires_at > now,
        )
        .values(used_at=now)
        .returning(OneTimeToken)
    )
    if row is None:
        raise LinkInvalid
    return row


def withdraw(user_id: uuid.UUID, *purposes: TokenPurpose) -> None:
    """Make the unused links of these purposes stop working."""
    db.session.execute(
        update(OneTimeToken)
        .where(
            OneTimeToken.user_id == user_id,
            OneTimeToken.purpose.in_(purposes),
            OneTimeToken.used_at.is_(None),
        )
        .values(used_at=utcnow())
        .execution_options(synchronize_session=False)
    )
