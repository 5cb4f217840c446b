"""What a second request ends: a sign-in awaiting its second factor, a WebAuthn ceremony.

The visitor holds a random token, the database its hash and everything else: whose it is, the
challenge, how often it was tried. So nothing of it can be swapped for somebody else's.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Ceremony, CeremonyKind
from app.domain.accounts.sessions import MAX_TOKEN_LENGTH, TOKEN_BYTES, hash_token

LIFETIME = timedelta(minutes=10)
MAX_TRIES = 5
CHALLENGE_BYTES = 32
SWEEP_ROWS = 20


@dataclass(frozen=True, slots=True)
class Begun:
    """The visitor's token, and the challenge an authenticator has to sign."""

    token: str
    challenge: bytes


def begin(
    kind: CeremonyKind, user_id: UUID | None = None, payload: dict[str, Any] | None = None
) -> Begun:
    """Begin a ceremony that lasts ten minutes; a few of those long over are swept away."""
    _sweep()
    begun = Begun(secrets.token_urlsafe(TOKEN_BYTES), secrets.token_bytes(CHALLENGE_BYTES))
    now = utcnow()
    db.session.add(
        Ceremony(
            token_hash=hash_token(begun.token),
            kind=kind,
            user_id=user_id,
            challenge=begun.challenge,
            payload=payload or {},
            created_at=now,
            expires_at=now + LIFETIME,
        )
    )
    db.session.flush()
    return begun


def find(token: str | None, kind: CeremonyKind) -> Ceremony | None:
    """Return the ceremony that may still be ended with `token`, or None."""
    if not _is_token(token):
        return None
    return db.session.scalar(select(Ceremony).where(*_open(str(token), kind)))


def take_try(token: str | None, kind: CeremonyKind) -> Ceremony | None:
    """Count a try and return the ceremony; None once it is over or was tried five times.

    The row's lock makes the count exact: of many guesses at once five are looked at.
    """
    return _advance(token, kind, tries=Ceremony.tries + 1)


def use_up(token: str | None, kind: CeremonyKind) -> Ceremony | None:
    """End the ceremony and return it; None when it is over already.

    Of two requests with one token the database lets one through.
    """
    return _advance(token, kind, used_at=utcnow())


def _advance(token: str | None, kind: CeremonyKind, **values: Any) -> Ceremony | None:
    if not _is_token(token):
        return None
    ceremony: Ceremony | None = db.session.scalar(
        update(Ceremony)
        .where(*_open(str(token), kind))
        .values(**values)
        .returning(Ceremony)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return ceremony


def _is_token(token: object) -> bool:
    return isinstance(token, str) and 0 < len(token) <= MAX_TOKEN_LENGTH


def _open(token: str, kind: CeremonyKind) -> tuple[Any, ...]:
    return (
        Ceremony.token_hash == hash_token(token),
        Ceremony.kind == kind,
        Ceremony.used_at.is_(None),
        Ceremony.expires_at > utcnow(),
        Ceremony.tries < MAX_TRIES,
    )


def _sweep() -> None:
    over = (
        select(Ceremony.id)
        .where(Ceremony.expires_at < utcnow() - LIFETIME)
        .order_by(Ceremony.expires_at)
        .limit(SWEEP_ROWS)
        .with_for_update(skip_locked=True)
    )
    db.session.execute(
        delete(Ceremony).where(Ceremony.id.in_(over)).execution_options(synchronize_session=False)
    )
