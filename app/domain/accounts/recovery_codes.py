"""Recovery codes: ten secrets on paper that each stand in for a lost second factor, once."""

import secrets
from uuid import UUID

from sqlalchemy import delete, exists, func, select, update

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import RecoveryCode
from app.domain.accounts.sessions import hash_token

COUNT = 10
# Crockford's alphabet: no I, L, O and U, which people misread; what they type instead is known.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MISREAD = str.maketrans("OIL", "011")
# 24 characters of 5 bits: ASVS 6.5.2 asks for 112 bits where a fast hash is stored.
GROUPS, GROUP = 4, 6
LENGTH = GROUPS * GROUP


def make(user_id: UUID) -> list[str]:
    """Return ten new codes, known to nobody else; the older ones stop working."""
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = [_random() for _ in range(COUNT)]
    now = utcnow()
    db.session.add_all(
        RecoveryCode(user_id=user_id, code_hash=_hash(code), created_at=now) for code in codes
    )
    db.session.flush()
    return codes


def tidy(code: str) -> str | None:
    """Return what was typed without spaces and dashes, in upper case, or None if it is no code."""
    plain = "".join(character for character in code.upper() if character.isalnum())
    plain = plain.translate(MISREAD)
    return plain if len(plain) == LENGTH and set(plain) <= set(ALPHABET) else None


def use(user_id: UUID, code: str) -> bool:
    """Use a code up; False when it is wrong or was used before.

    Of two requests with one code the database lets one through.
    """
    plain = tidy(code)
    if plain is None:
        return False
    used = db.session.scalar(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user_id,
            RecoveryCode.code_hash == hash_token(plain),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=utcnow())
        .returning(RecoveryCode.id)
        .execution_options(synchronize_session=False)
    )
    return used is not None


def has_any(user_id: UUID) -> bool:
    """Whether the person was given codes, used ones counted."""
    return bool(db.session.scalar(select(exists().where(RecoveryCode.user_id == user_id))))


def count_left(user_id: UUID) -> int:
    """Return how many codes have not been used."""
    statement = select(func.count()).select_from(RecoveryCode)
    unused = statement.where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return db.session.scalar(unused) or 0


def _random() -> str:
    groups = ("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))
    return "-".join(groups)


def _hash(code: str) -> bytes:
    return hash_token(code.replace("-", ""))
