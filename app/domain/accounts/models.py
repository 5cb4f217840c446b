"""Tables of people and their sign-ins."""

import enum
import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, LargeBinary, Numeric, text
from sqlalchemy.dialects.postgresql import CITEXT, INET
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


class User(Base):
    """A person. `email` compares without case; `password_hash` is argon2id in PHC form."""

    __tablename__ = "users"

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


class LoginSession(Base):
    """One sign-in on one device. Only the SHA-256 of the cookie's token is stored."""

    __tablename__ = "login_sessions"
    __table_args__ = (Index(None, "user_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(), unique=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    user: Mapped[User] = relationship(lazy="raise")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    last_seen_at: Mapped[datetime] = mapped_column(default=utcnow)
    authenticated_at: Mapped[datetime] = mapped_column(default=utcnow)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    user_agent: Mapped[str | None]
    ip_address: Mapped[str | None] = mapped_column(INET())
