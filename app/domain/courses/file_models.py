"""Tables of what a course hands out, and of courses on their way in or out as one file."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import utcnow
from app.database import Base


class CourseFile(Base):
    """A file that learners open or download: a PDF lesson's document or a resource of a lesson.

    Copies of a course share the stored object, which goes once no row names it any more.
    """

    __tablename__ = "course_files"
    __table_args__ = (
        Index(None, "course_id"),
        Index(None, "lesson_id"),
        Index(None, "storage_key"),
        Index(None, "uploaded_by_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    course_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    lesson_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("lessons.id", ondelete="CASCADE"))
    filename: Mapped[str]
    content_type: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger())
    sha256: Mapped[str]
    storage_key: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    uploaded_by_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )


class TransferKind(enum.StrEnum):
    EXPORT = "export"
    IMPORT = "import"


class TransferStatus(enum.StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


class CourseTransfer(Base):
    """A course on its way out into an archive, or in from one; the worker carries it.

    `storage_key` is the archive's. An export's course is the one packed, an import's the one that
    was made. Archives go at `expires_at`.
    """

    __tablename__ = "course_transfers"
    __table_args__ = (
        Index(None, "course_id"),
        Index(None, "created_by_id"),
        Index(None, "expires_at"),
        Index(None, "created_at", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    kind: Mapped[TransferKind]
    status: Mapped[TransferStatus] = mapped_column(default=TransferStatus.QUEUED)
    course_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("courses.id", ondelete="SET NULL")
    )
    created_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str]
    storage_key: Mapped[str | None]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger())
    stage: Mapped[str | None]
    progress_percent: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    error_code: Mapped[str | None]
    error_detail: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
