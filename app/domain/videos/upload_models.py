"""The table of uploads: files on their way into storage in parts."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import utcnow
from app.database import Base


class UploadPurpose(enum.StrEnum):
    """What is made of the file once it is whole."""

    VIDEO = "video"
    DOCUMENT = "document"
    RESOURCE = "resource"
    COVER = "cover"
    LOGO = "logo"
    ARCHIVE = "archive"


class UploadStatus(enum.StrEnum):
    OPEN = "open"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Upload(Base):
    """One file that somebody sends in parts.

    `storage_upload` is the storage's name for it. `fingerprint` is what the sender recognises the
    same file by after an interruption, `declared_sha256` what the whole must turn out to be.
    `target_id` is the lesson or the course it is for; they are a floor above, so no key refers to
    them. `touched_at` is when it was last heard of: long silence has it swept.
    """

    __tablename__ = "uploads"
    __table_args__ = (
        Index(None, "owner_id"),
        Index(None, "video_id"),
        Index(None, "touched_at", postgresql_where=text("status = 'open'")),
        Index(
            "ix_uploads_resumable",
            "owner_id",
            "fingerprint",
            postgresql_where=text("status = 'open'"),
        ),
        CheckConstraint("size_bytes > 0", name="size_positive"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    purpose: Mapped[UploadPurpose] = mapped_column(default=UploadPurpose.VIDEO)
    status: Mapped[UploadStatus] = mapped_column(default=UploadStatus.OPEN)
    target_id: Mapped[uuid.UUID | None]
    filename: Mapped[str]
    content_type: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger())
    part_size_bytes: Mapped[int]
    storage_key: Mapped[str]
    storage_upload: Mapped[str]
    fingerprint: Mapped[str | None]
    declared_sha256: Mapped[str | None]
    video_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("videos.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    touched_at: Mapped[datetime] = mapped_column(default=utcnow)
    completed_at: Mapped[datetime | None]
