"""Tables of people and their sign-ins."""

import enum
import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, Numeric, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, CITEXT, INET
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.clock import utcnow
from app.database import Base


class Role(enum.StrEnum):
    LEARNER = "learner"
    INSTRUCTOR = "instructor"
    SUPPORT = "support"
    ADMIN = "admin"


class UserStatus(enum.StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"


class SessionKind(enum.StrEnum):
    BROWSER = "browser"
    API_KEY = "api_key"
    VIEW_AS = "view_as"


class TokenPurpose(enum.StrEnum):
    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a name
    CHANGE_EMAIL_OLD = "change_email_old"
    CHANGE_EMAIL_NEW = "change_email_new"


class CeremonyKind(enum.StrEnum):
    SECOND_STEP = "second_step"
    PASSKEY_SIGN_IN = "passkey_sign_in"
    PASSKEY_ADDITION = "passkey_addition"
    CONFIRMATION = "confirmation"


class ExportStatus(enum.StrEnum):
    QUEUED = "queued"
    READY = "ready"
    FAILED = "failed"


class User(Base):
    """A person. `email` compares without case; `password_hash` is argon2id in PHC form.

    `second_factor_added_at` is null exactly while there is neither a confirmed TOTP secret nor a
    passkey. `totp_sealed` holds the secret, sealed; a code has confirmed it at
    `totp_confirmed_at`; `totp_counter` is the last time step accepted, so no code works twice.
    An account whose `deletion_due_at` has passed is erased by the worker, which leaves a nameless
    row.
    """

    __tablename__ = "users"
    __table_args__ = (Index(None, "created_at", "id"), Index(None, "role", "created_at", "id"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    email: Mapped[str] = mapped_column(CITEXT(), unique=True)
    name: Mapped[str]
    password_hash: Mapped[str | None]
    role: Mapped[Role] = mapped_column(default=Role.LEARNER)
    status: Mapped[UserStatus] = mapped_column(default=UserStatus.ACTIVE)
    email_verified_at: Mapped[datetime | None]
    headline: Mapped[str | None]
    bio: Mapped[str | None]
    locale: Mapped[str | None]
    timezone: Mapped[str | None]
    playback_rate: Mapped[Decimal] = mapped_column(
        Numeric(3, 2), default=Decimal("1.00"), server_default=text("1.00")
    )
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    second_factor_added_at: Mapped[datetime | None]
    totp_sealed: Mapped[bytes | None] = mapped_column(LargeBinary())
    totp_confirmed_at: Mapped[datetime | None]
    totp_counter: Mapped[int | None] = mapped_column(BigInteger())
    deletion_due_at: Mapped[datetime | None] = mapped_column(index=True)


class LoginSession(Base):
    """One sign-in on one device, what an API key stands on, or staff looking as somebody else.

    Only the SHA-256 of the cookie's token is stored. `previous_token_hash` is the one before the
    rotation at `rotated_at`: whoever still shows it later has a stolen copy, or shares one with a
    thief. `opened_by_id` is the sign-in of the member of staff who looks as `user_id`.
    """

    __tablename__ = "login_sessions"
    __table_args__ = (
        Index(None, "user_id"),
        Index(None, "opened_by_id"),
        Index(
            None,
            "previous_token_hash",
            unique=True,
            postgresql_where=text("previous_token_hash IS NOT NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(), unique=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    user: Mapped[User] = relationship(lazy="raise")
    kind: Mapped[SessionKind] = mapped_column(
        default=SessionKind.BROWSER, server_default=text("'browser'")
    )
    opened_by_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("login_sessions.id", ondelete="CASCADE")
    )
    previous_token_hash: Mapped[bytes | None] = mapped_column(LargeBinary())
    rotated_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    second_factor_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime] = mapped_column(default=utcnow)
    authenticated_at: Mapped[datetime] = mapped_column(default=utcnow)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    user_agent: Mapped[str | None]
    ip_address: Mapped[str | None] = mapped_column(INET())


class OneTimeToken(Base):
    """A link in a mail: good once, for one purpose, until it expires. Only its hash is stored."""

    __tablename__ = "one_time_tokens"
    __table_args__ = (Index(None, "user_id", "purpose"), Index(None, "expires_at"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    purpose: Mapped[TokenPurpose]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(), unique=True)
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """One of the codes that stand in for a lost second factor, once."""

    __tablename__ = "recovery_codes"
    __table_args__ = (Index(None, "user_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    code_hash: Mapped[bytes] = mapped_column(LargeBinary())
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    used_at: Mapped[datetime | None]


class Passkey(Base):
    """A WebAuthn credential: the public half of a key that an authenticator keeps."""

    __tablename__ = "passkeys"
    __table_args__ = (Index(None, "user_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary())
    sign_count: Mapped[int] = mapped_column(BigInteger(), default=0)
    transports: Mapped[list[str]] = mapped_column(ARRAY(Text()), default=list)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    last_used_at: Mapped[datetime | None]


class Ceremony(Base):
    """Something begun that a second step ends: a sign-in awaiting its factor, a WebAuthn ceremony.

    Found by the hash of a token in the visitor's form cookie; `tries` bounds guessing.
    """

    __tablename__ = "ceremonies"
    __table_args__ = (Index(None, "user_id"), Index(None, "expires_at"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(), unique=True)
    kind: Mapped[CeremonyKind]
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    challenge: Mapped[bytes] = mapped_column(LargeBinary())
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ApiKey(Base):
    """A secret that a program signs in with; leases and revocation hold on to its session."""

    __tablename__ = "api_keys"
    __table_args__ = (Index(None, "user_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    login_session_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("login_sessions.id", ondelete="CASCADE"), unique=True
    )
    name: Mapped[str]
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary())
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class DataExport(Base):
    """A zip of all that is known of a person, made in the background, fetched by a mailed link."""

    __tablename__ = "data_exports"
    __table_args__ = (Index(None, "user_id"), Index(None, "expires_at"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    status: Mapped[ExportStatus] = mapped_column(default=ExportStatus.QUEUED)
    token_hash: Mapped[bytes | None] = mapped_column(LargeBinary(), unique=True)
    storage_key: Mapped[str | None]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger())
    requested_at: Mapped[datetime] = mapped_column(default=utcnow)
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
