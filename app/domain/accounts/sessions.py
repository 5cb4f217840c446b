"""Login sessions: one PostgreSQL row a sign-in, found by the hash of the cookie's token."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import DateTime, Uuid, bindparam, func, or_, select, update

from app.clock import utcnow
from app.database import NO_WAIT, Prepared, db
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import (
    LoginSession,
    Role,
    SessionKind,
    User,
    UserStatus,
)
from app.errors import NotFound, SignInRequired

TOKEN_BYTES = 32
IDLE_LIFETIME = timedelta(days=30)
ABSOLUTE_LIFETIME = timedelta(days=180)
TOUCH_INTERVAL = timedelta(minutes=1)
# Requests of one page run side by side: those under way at a rotation still carry the old token.
ROTATION_GRACE = timedelta(seconds=60)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
MAX_TOKEN_LENGTH = 128
MAX_LIVE_SESSIONS = 50
STAFF_ROLES = frozenset({Role.INSTRUCTOR, Role.SUPPORT, Role.ADMIN})


def initials_of(name: str) -> str:
    """Return the first letters of the first and the last word of a name."""
    words = name.split() or ["?"]
    return (words[0][:1] + (words[-1][:1] if len(words) > 1 else "")).upper()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The person a request acts for, read from the database by that very request.

    `is_superseded` when the request carries the token from before a rotation just made.
    """

    user_id: uuid.UUID
    email: str
    name: str
    role: Role
    locale: str | None
    timezone: str | None
    playback_rate: Decimal
    session_id: uuid.UUID
    authenticated_at: datetime
    last_seen_at: datetime
    kind: SessionKind = SessionKind.BROWSER
    email_verified_at: datetime | None = None
    second_factor_added_at: datetime | None = None
    second_factor_at: datetime | None = None
    scopes: frozenset[str] | None = None
    deletion_due_at: datetime | None = None
    is_superseded: bool = False

    @property
    def id(self) -> uuid.UUID:
        """Return the user's id."""
        return self.user_id

    @property
    def initials(self) -> str:
        """Return those of the name."""
        return initials_of(self.name)

    @property
    def session_hash(self) -> bytes:
        """Return what streams and media grants are bound to; a rotated token leaves it as it is."""
        return hashlib.sha256(self.session_id.bytes).digest()

    @property
    def is_staff(self) -> bool:
        """Whether the role opens the administration at all."""
        return self.role in STAFF_ROLES

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def is_active(self) -> bool:
        return True

    @property
    def is_anonymous(self) -> bool:
        return False

    def get_id(self) -> str:
        return str(self.user_id)


@dataclass(frozen=True, slots=True)
class LiveSession:
    """One device somebody is signed in on, for the list of devices."""

    id: uuid.UUID
    created_at: datetime
    last_seen_at: datetime
    user_agent: str | None
    ip_address: str | None


@dataclass(frozen=True, slots=True)
class ReusedSession:
    """A session that ended because somebody showed a token it no longer has."""

    id: uuid.UUID
    user_id: uuid.UUID


def hash_token(token: str) -> bytes:
    """Return what is stored of a token: its SHA-256 (256 random bits need no slow hash)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def start(user: User, client: ClientInfo, *, with_second_factor: bool = False) -> str:
    """Sign `user` in on this device and return the cookie's token, known to nobody else."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    now = utcnow()
    db.session.add(
        LoginSession(
            token_hash=hash_token(token),
            user_id=user.id,
            created_at=now,
            last_seen_at=now,
            authenticated_at=now,
            second_factor_at=now if with_second_factor else None,
            expires_at=now + IDLE_LIFETIME,
            user_agent=client.user_agent or None,
            ip_address=client.ip,
        )
    )
    db.session.flush()
    _end_surplus(user.id, now)
    return token


def rotate(
    user: User, client: ClientInfo, old_token: str | None, *, with_second_factor: bool = False
) -> str:
    """Start a session and end the one `old_token` belonged to, whoever's it was.

    A browser thus never carries a session from before a sign-in past it (session fixation).
    """
    if old_token:
        db.session.execute(
            update(LoginSession)
            .where(
                or_(
                    LoginSession.token_hash == hash_token(old_token),
                    LoginSession.previous_token_hash == hash_token(old_token),
                ),
                LoginSession.revoked_at.is_(None),
            )
            .values(revoked_at=utcnow())
        )
    return start(user, client, with_second_factor=with_second_factor)


def rotate_in_place(
    session_id: uuid.UUID, *, is_proof: bool = False, is_second_factor: bool = False
) -> str:
    """Give a live session another token, as any change of what it may do must; return the token.

    `is_proof` when the person has just shown who they are, which counts for the next step-up;
    `is_second_factor` when a second factor did it. Raises SignInRequired when it has ended.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    now = utcnow()
    values: dict[str, Any] = {
        "token_hash": hash_token(token),
        "previous_token_hash": LoginSession.token_hash,
        "rotated_at": now,
    }
    if is_proof or is_second_factor:
        values["authenticated_at"] = now
    if is_second_factor:
        values["second_factor_at"] = now
    rotated = db.session.scalar(
        update(LoginSession)
        .where(
            LoginSession.id == session_id,
            LoginSession.kind == SessionKind.BROWSER,
            LoginSession.revoked_at.is_(None),
        )
        .values(**values)
        .returning(LoginSession.id)
        .execution_options(synchronize_session=False)
    )
    if rotated is None:
        raise SignInRequired
    return token


# SignedIn's fields, by name, for every way of showing who one is.
WHO = (
    User.id.label("user_id"),
    User.email,
    User.name,
    User.role,
    User.locale,
    User.timezone,
    User.playback_rate,
    LoginSession.id.label("session_id"),
    LoginSession.authenticated_at,
    LoginSession.kind,
    User.email_verified_at,
    User.second_factor_added_at,
    LoginSession.second_factor_at,
    User.deletion_due_at,
)
_BY_COOKIE = (
    select(*WHO, LoginSession.last_seen_at)
    .join_from(LoginSession, User, User.id == LoginSession.user_id)
    .where(
        LoginSession.kind == SessionKind.BROWSER,
        LoginSession.revoked_at.is_(None),
        LoginSession.expires_at > bindparam("now", type_=LoginSession.expires_at.type),
        User.status == UserStatus.ACTIVE,
    )
)
_HASH = bindparam("token_hash", type_=LoginSession.token_hash.type)
_FIND = Prepared(_BY_COOKIE.where(LoginSession.token_hash == _HASH))
_FIND_SUPERSEDED = Prepared(
    _BY_COOKIE.where(
        LoginSession.previous_token_hash == _HASH,
        LoginSession.rotated_at > bindparam("grace_began", type_=LoginSession.expires_at.type),
    )
)


def find_signed_in(token: str) -> SignedIn | None:
    """Return who `token` stands for; None when unknown, ended, expired or suspended.

    One query on two unique keys, nothing kept from earlier requests: a revocation or a change of
    role counts from the next request on. A token that was replaced within the last minute still
    stands for its session, but proves nothing for a step-up.
    """
    if not token or len(token) > MAX_TOKEN_LENGTH:
        return None
    values = {"token_hash": hash_token(token), "now": utcnow()}
    row = _FIND.first(values)
    if row:
        return SignedIn(**row._asdict())
    row = _FIND_SUPERSEDED.first({**values, "grace_began": utcnow() - ROTATION_GRACE})
    if row is None:
        return None
    return replace(SignedIn(**row._asdict()), is_superseded=True, authenticated_at=LONG_AGO)


def end_reused(token: str) -> ReusedSession | None:
    """End the session that had `token` until a rotation, unless that was a moment ago.

    Its owner's browser has the new one, so somebody else shows a copy, or the owner does and
    somebody else has the new one. Which of the two cannot be told; both must sign in again.
    """
    if not token or len(token) > MAX_TOKEN_LENGTH:
        return None
    now = utcnow()
    row = db.session.execute(
        update(LoginSession)
        .where(
            LoginSession.previous_token_hash == hash_token(token),
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > now,
            LoginSession.rotated_at <= now - ROTATION_GRACE,
        )
        .values(revoked_at=now)
        .returning(LoginSession.id, LoginSession.user_id)
        .execution_options(synchronize_session=False)
    ).first()
    return ReusedSession(row.id, row.user_id) if row else None


_NOW = bindparam("now", type_=DateTime(timezone=True))
_TOUCH = Prepared(
    update(LoginSession)
    .where(
        LoginSession.id == bindparam("session_id", type_=Uuid()),
        LoginSession.last_seen_at <= _NOW - TOUCH_INTERVAL,
    )
    .values(
        last_seen_at=_NOW,
        expires_at=func.least(_NOW + IDLE_LIFETIME, LoginSession.created_at + ABSOLUTE_LIFETIME),
    )
    .returning(LoginSession.id, NO_WAIT)
)


def touch(signed_in: SignedIn) -> bool:
    """Note that the session is in use, at most once a minute; True when a row was written.

    Its end moves to 30 days from now, never past 180 days after it began.
    """
    now = utcnow()
    if now - signed_in.last_seen_at < TOUCH_INTERVAL:
        return False
    return _TOUCH.first({"now": now, "session_id": signed_in.session_id}) is not None


def end(session_id: uuid.UUID) -> None:
    """End one session; ending it twice changes nothing."""
    db.session.execute(
        update(LoginSession)
        .where(LoginSession.id == session_id, LoginSession.revoked_at.is_(None))
        .values(revoked_at=utcnow())
    )


def end_own(user_id: uuid.UUID, session_id: uuid.UUID) -> None:
    """End one of a person's own sign-ins; ending it twice changes nothing.

    Raises NotFound for an unknown or foreign one, and for what an API key stands on.
    """
    found = db.session.scalar(
        update(LoginSession)
        .where(
            LoginSession.id == session_id,
            LoginSession.user_id == user_id,
            LoginSession.kind == SessionKind.BROWSER,
        )
        .values(revoked_at=func.coalesce(LoginSession.revoked_at, utcnow()))
        .returning(LoginSession.id)
        .execution_options(synchronize_session=False)
    )
    if found is None:
        raise NotFound


def end_all(
    user_id: uuid.UUID,
    except_session_id: uuid.UUID | None = None,
    kind: SessionKind | None = None,
) -> int:
    """End every session of a user, sparing one or all but one `kind`; return how many."""
    statement = update(LoginSession).where(
        LoginSession.user_id == user_id, LoginSession.revoked_at.is_(None)
    )
    if except_session_id is not None:
        statement = statement.where(LoginSession.id != except_session_id)
    if kind is not None:
        statement = statement.where(LoginSession.kind == kind)
    ended = statement.values(revoked_at=utcnow()).returning(LoginSession.id)
    return len(db.session.scalars(ended).all())


def list_live(user_id: uuid.UUID) -> list[LiveSession]:
    """Return the devices a user is signed in on, the most recently used first."""
    rows = db.session.execute(
        select(
            LoginSession.id,
            LoginSession.created_at,
            LoginSession.last_seen_at,
            LoginSession.user_agent,
            LoginSession.ip_address,
        )
        .where(
            LoginSession.user_id == user_id,
            LoginSession.kind == SessionKind.BROWSER,
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > utcnow(),
        )
        .order_by(LoginSession.last_seen_at.desc(), LoginSession.id)
        .limit(MAX_LIVE_SESSIONS)
    )
    return [LiveSession(*row) for row in rows]


def _end_surplus(user_id: uuid.UUID, now: datetime) -> None:
    """End the longest unused sessions beyond the cap, so that rows per account are bounded."""
    surplus = (
        select(LoginSession.id)
        .where(
            LoginSession.user_id == user_id,
            LoginSession.kind == SessionKind.BROWSER,
            LoginSession.revoked_at.is_(None),
        )
        .order_by(LoginSession.last_seen_at.desc(), LoginSession.id)
        .offset(MAX_LIVE_SESSIONS)
    )
    db.session.execute(
        update(LoginSession)
        .where(LoginSession.id.in_(surplus))
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )
