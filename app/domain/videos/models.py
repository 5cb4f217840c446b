"""Tables of videos, their renditions, keys and captions."""

import enum
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.clock import utcnow
from app.database import Base


class VideoStatus(enum.StrEnum):
    QUEUED = "queued"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


class RenditionKind(enum.StrEnum):
    VIDEO = "video"
    AUDIO = "audio"


class Video(Base):
    """A source file and the state of its transcode.

    `generation` is the one being served (None until the first rung is playable); a new transcode
    writes generation n+1 and switches this column in one commit. `is_complete` is False while
    later rungs of a first transcode are still being encoded. `attempts` counts the transcodes
    begun since it was queued, except those an orderly shutdown interrupted. Durations are seconds
    of media time. `source_sha256` is null until the worker has read an uploaded source, and
    `declared_sha256` what its sender said it would be. `begun_at` and `reported_at` tell when the
    running attempt began and was last heard of; `seconds_left` is its own estimate.
    `loudness_lufs` is the source's integrated loudness (EBU R 128). `storyboard` describes the
    thumbnail sheets of the served generation, `{sheets, interval_seconds, columns, rows, width,
    height, count}`.
    """

    __tablename__ = "videos"
    __table_args__ = (Index(None, "created_at", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    title: Mapped[str]
    status: Mapped[VideoStatus] = mapped_column(default=VideoStatus.QUEUED, index=True)
    stage: Mapped[str | None]
    progress_percent: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    error_code: Mapped[str | None]
    error_detail: Mapped[str | None]
    source_key: Mapped[str]
    source_bytes: Mapped[int] = mapped_column(BigInteger())
    source_sha256: Mapped[str | None]
    declared_sha256: Mapped[str | None]
    generation: Mapped[int | None]
    is_complete: Mapped[bool] = mapped_column(default=False)
    duration_seconds: Mapped[float | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    poster_key: Mapped[str | None]
    loudness_lufs: Mapped[float | None]
    storyboard: Mapped[dict[str, Any] | None]
    begun_at: Mapped[datetime | None]
    reported_at: Mapped[datetime | None]
    seconds_left: Mapped[int | None]
    uploaded_by_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    ready_at: Mapped[datetime | None]


class Rendition(Base):
    """One rung of one generation.

    `playlist` is the media playlist with two placeholders, `{segments}` (URL prefix, no trailing
    slash) and `{keys}` (URL prefix of the key endpoint), so serving it is two replacements.
    Bandwidths are bits per second.
    """

    __tablename__ = "renditions"
    __table_args__ = (UniqueConstraint("video_id", "generation", "name"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    video_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    video: Mapped[Video] = relationship(lazy="raise")
    generation: Mapped[int]
    name: Mapped[str]
    kind: Mapped[RenditionKind]
    width: Mapped[int | None]
    height: Mapped[int | None]
    frame_rate: Mapped[float | None]
    codecs: Mapped[str]
    peak_bandwidth: Mapped[int]
    average_bandwidth: Mapped[int]
    segment_count: Mapped[int]
    size_bytes: Mapped[int] = mapped_column(BigInteger())
    playlist: Mapped[str]


class ContentKey(Base):
    """The AES-128 key of one window (a run of segments) of one generation, sealed at rest."""

    __tablename__ = "content_keys"

    video_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True
    )
    generation: Mapped[int] = mapped_column(primary_key=True)
    window: Mapped[int] = mapped_column(primary_key=True)
    sealed_key: Mapped[bytes] = mapped_column(LargeBinary())


class CaptionTrack(Base):
    """WebVTT captions of a video in one language (BCP 47 tag); `version` counts their changes."""

    __tablename__ = "caption_tracks"
    __table_args__ = (UniqueConstraint("video_id", "language"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    video_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    language: Mapped[str]
    label: Mapped[str]
    webvtt: Mapped[str]
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    updated_at: Mapped[datetime] = mapped_column(default=utcnow, server_default=func.now())
