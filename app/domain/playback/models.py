"""The table of playback sessions: one row is one stream's lease."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import utcnow
from app.database import Base


class EndReason(enum.StrEnum):
    STOPPED = "stopped"
    REPLACED = "replaced"
    SIGNED_OUT = "signed_out"
    ENROLLMENT_REVOKED = "enrollment_revoked"
    SUSPENDED = "suspended"
    ENDED_BY_STAFF = "ended_by_staff"


class PlaybackSession(Base):
    """A stream: who watches which generation of which video, until when.

    Live while `ended_at` is null and `lease_expires_at` is ahead. `code` is what the watermark
    shows. `keys_issued` meters content keys against a budget that grows with time.
    """

    __tablename__ = "playback_sessions"
    __table_args__ = (
        Index(
            "ix_playback_sessions_user_id_live",
            "user_id",
            "lease_expires_at",
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(None, "user_id", "created_at"),
        Index(None, "login_session_id"),
        Index(None, "lesson_id"),
        Index(None, "video_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    code: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    login_session_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("login_sessions.id", ondelete="CASCADE")
    )
    lesson_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("lessons.id", ondelete="CASCADE"))
    video_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    generation: Mapped[int]
    device: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    opened_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime] = mapped_column(default=utcnow)
    lease_expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[EndReason | None]
    keys_issued: Mapped[int] = mapped_column(default=0)
