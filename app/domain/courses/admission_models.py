"""Tables of who wants into a course and who is asked into it; being in it is an Enrollment."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import CITEXT
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import utcnow
from app.database import Base


class RequestStatus(enum.StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DECLINED = "declined"


class EnrollmentRequest(Base):
    """Somebody asks to be let into a course whose policy is approval; asking again is one row."""

    __tablename__ = "enrollment_requests"
    __table_args__ = (
        UniqueConstraint("user_id", "course_id"),
        Index(None, "course_id", "status", "created_at"),
        Index(None, "status", "created_at", "id"),
        Index(None, "decided_by_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    course_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    status: Mapped[RequestStatus] = mapped_column(default=RequestStatus.PENDING)
    note: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )


class CourseInvitation(Base):
    """An address that may enrol in a course; whoever holds it proves so by verifying it."""

    __tablename__ = "course_invitations"
    __table_args__ = (
        UniqueConstraint("course_id", "email"),
        Index(None, "email"),
        Index(None, "created_at", "id"),
        Index(None, "invited_by_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    course_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(CITEXT())
    invited_by_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    accepted_at: Mapped[datetime | None]
