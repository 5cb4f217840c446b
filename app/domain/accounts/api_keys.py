"""API keys: what a program signs in with. Each stands on a login session, so leases, revocation
and suspension hold on to it as to a browser's.
"""

import enum
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, bindparam, func, or_, select, update

from app.clock import utcnow
from app.database import Prepared, db
from app.domain.accounts import key_tokens
from app.domain.accounts.models import (
    ApiKey,
    LoginSession,
    SessionKind,
    User,
    UserStatus,
)
from app.domain.accounts.sessions import WHO, SignedIn, hash_token
from app.domain.outbox import mail
from app.errors import InvalidInput, NotFound

MAX_LIVE_KEYS = 20
MAX_DAYS = 365
MAX_NAME_LENGTH = 60
TOUCH_INTERVAL = timedelta(minutes=1)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
KEYS_PATH = "/account/api-keys"


class Scope(enum.StrEnum):
    """What a key may be made for. A key never gets past what its owner's role allows."""

    PROFILE_READ = "profile:read"
    PROFILE_WRITE = "profile:write"
    COURSES_READ = "courses:read"
    COURSES_WRITE = "courses:write"
    PLAYBACK = "playback"
    ADMIN_READ = "admin:read"
    ADMIN_WRITE = "admin:write"


STAFF_SCOPES = frozenset({Scope.ADMIN_READ, Scope.ADMIN_WRITE})


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as its owner sees it; the secret is not in it."""

    id: uuid.UUID
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


def create(
    person: SignedIn, name: str, scopes: Iterable[str], lifetime_days: int
) -> tuple[KeyView, str]:
    """Add a key and mail its owner; return it and its token, which nobody can show again.

    Raises InvalidInput naming `name`, `scopes` or `expires_in_days`, and when there are enough.
    """
    granted = _checked(person, name, scopes, lifetime_days)
    _require_room(person.user_id)
    now = utcnow()
    expires_at = now + timedelta(days=lifetime_days)
    secret = secrets.token_bytes(key_tokens.SECRET_BYTES)
    key_id = uuid.uuid4()
    token = key_tokens.write(key_id, secret)
    session = LoginSession(
        token_hash=hash_token(token),
        user_id=person.user_id,
        kind=SessionKind.API_KEY,
        created_at=now,
        last_seen_at=now,
        authenticated_at=now,
        expires_at=expires_at,
    )
    db.session.add(session)
    db.session.flush()
    key = ApiKey(
        id=key_id,
        user_id=person.user_id,
        login_session_id=session.id,
        name=name.strip(),
        secret_hash=hashlib.sha256(secret).digest(),
        scopes=granted,
        created_at=now,
        expires_at=expires_at,
    )
    db.session.add(key)
    db.session.flush()
    mail.send(
        person.email,
        "api_key_created",
        person.locale,
        name=person.name,
        key_name=key.name,
        expires=expires_at.isoformat(),
        keys_link=mail.absolute(KEYS_PATH),
    )
    return KeyView(key.id, key.name, tuple(granted), now, expires_at, None), token


def list_live(user_id: uuid.UUID) -> list[KeyView]:
    """Return the keys that still open something, the newest first."""
    rows = db.session.execute(
        select(
            ApiKey.id,
            ApiKey.name,
            ApiKey.scopes,
            ApiKey.created_at,
            ApiKey.expires_at,
            ApiKey.last_used_at,
        )
        .join(LoginSession, LoginSession.id == ApiKey.login_session_id)
        .where(ApiKey.user_id == user_id, *_is_live(utcnow()))
        .order_by(ApiKey.created_at.desc(), ApiKey.id)
        .limit(MAX_LIVE_KEYS)
    )
    return [KeyView(row.id, row.name, tuple(row.scopes), *row[3:]) for row in rows]


def revoke(user_id: uuid.UUID, key_id: uuid.UUID) -> str:
    """End one of a person's keys; return its name. Raises NotFound when it is none, or over."""
    now = utcnow()
    row = db.session.execute(
        update(ApiKey)
        .where(ApiKey.id == key_id, ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(ApiKey.name, ApiKey.login_session_id)
        .execution_options(synchronize_session=False)
    ).first()
    if row is None:
        raise NotFound
    db.session.execute(
        update(LoginSession)
        .where(LoginSession.id == row.login_session_id, LoginSession.revoked_at.is_(None))
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )
    return str(row.name)


_FIND = Prepared(
    select(
        *WHO,
        func.coalesce(ApiKey.last_used_at, NEVER).label("last_seen_at"),
        ApiKey.scopes,
        ApiKey.secret_hash,
    )
    .join_from(ApiKey, LoginSession, LoginSession.id == ApiKey.login_session_id)
    .join(User, User.id == ApiKey.user_id)
    .where(
        ApiKey.id == bindparam("key_id", type_=ApiKey.id.type),
        ApiKey.revoked_at.is_(None),
        ApiKey.expires_at > bindparam("now", type_=ApiKey.expires_at.type),
        LoginSession.kind == SessionKind.API_KEY,
        LoginSession.revoked_at.is_(None),
        User.status == UserStatus.ACTIVE,
    )
)


def find_signed_in(token: str) -> SignedIn | None:
    """Return whom a key stands for; None when unknown, revoked, expired or suspended.

    One query, nothing kept from earlier requests; a token whose checksum is wrong needs none.
    """
    parts = key_tokens.read(token)
    if parts is None:
        return None
    key_id, secret = parts
    row = _FIND.first({"key_id": key_id, "now": utcnow()})
    if row is None:
        return None
    values = row._asdict()
    expected = bytes(values.pop("secret_hash"))
    if not hmac.compare_digest(expected, hashlib.sha256(secret).digest()):
        return None
    return SignedIn(**{**values, "scopes": frozenset(values["scopes"])})


def touch(person: SignedIn) -> bool:
    """Note that a key is in use, at most once a minute; True when a row was written."""
    now = utcnow()
    if now - person.last_seen_at < TOUCH_INTERVAL:
        return False
    unseen = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= now - TOUCH_INTERVAL)
    touched = db.session.scalar(
        update(ApiKey)
        .where(ApiKey.login_session_id == person.session_id, unseen)
        .values(last_used_at=now)
        .returning(ApiKey.id)
        .execution_options(synchronize_session=False)
    )
    return touched is not None


def _is_live(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        ApiKey.revoked_at.is_(None),
        ApiKey.expires_at > now,
        LoginSession.revoked_at.is_(None),
    )


def _checked(person: SignedIn, name: str, scopes: Iterable[str], lifetime_days: int) -> list[str]:
    """Return the scopes in their own order. Raises InvalidInput."""
    faults: dict[str, str] = {}
    cleaned = name.strip()
    wanted = set(scopes)
    offered = {scope.value for scope in offered_scopes(person)}
    if not cleaned or len(cleaned) > MAX_NAME_LENGTH or not cleaned.isprintable():
        faults["name"] = f"Name the key in at most {MAX_NAME_LENGTH} characters."
    if not wanted:
        faults["scopes"] = "Choose at least one thing that the key may do."
    elif not wanted <= offered:
        faults["scopes"] = "Choose from what is offered to your account."
    if not 1 <= lifetime_days <= MAX_DAYS:
        faults["expires_in_days"] = f"Choose between 1 and {MAX_DAYS} days."
    if faults:
        raise InvalidInput(faults)
    return [scope.value for scope in Scope if scope.value in wanted]


def offered_scopes(person: SignedIn) -> list[Scope]:
    """Return the scopes that a person's keys may have."""
    return [scope for scope in Scope if person.is_staff or scope not in STAFF_SCOPES]


def _require_room(user_id: uuid.UUID) -> None:
    """Count the live keys while the account's row is locked, so that parallel requests cannot."""
    db.session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
    live = db.session.scalar(
        select(func.count())
        .select_from(ApiKey)
        .join(LoginSession, LoginSession.id == ApiKey.login_session_id)
        .where(ApiKey.user_id == user_id, *_is_live(utcnow()))
    )
    if (live or 0) >= MAX_LIVE_KEYS:
        raise InvalidInput(
            {"name": f"You have {MAX_LIVE_KEYS} keys already. Revoke one that you do not use."}
        )
