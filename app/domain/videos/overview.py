"""What the administration shows of videos: how many are in which state, and each one's trouble.

Whose videos a person sees is the courses' business, so every look-up takes a `scope`.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_

from app.clock import utcnow
from app.database import db
from app.domain.videos.models import CaptionTrack, Rendition, RenditionKind, Video, VideoStatus
from app.errors import NotFound

STUCK_AFTER = timedelta(minutes=30)
ERROR_TAIL_LENGTH = 400


@dataclass(frozen=True, slots=True)
class VideoRow:
    """A video as a table shows it. Sizes are bytes, durations seconds of media time.

    `seconds_left` is the worker's own estimate, `reported_at` when it was last heard of.
    """

    id: uuid.UUID
    title: str
    status: VideoStatus
    stage: str | None
    progress_percent: int
    is_complete: bool
    error_code: str | None
    error_detail: str | None
    source_bytes: int
    duration_seconds: float | None
    width: int | None
    height: int | None
    created_at: datetime
    ready_at: datetime | None
    generation: int | None = None
    seconds_left: int | None = None
    begun_at: datetime | None = None
    reported_at: datetime | None = None
    attempts: int = 0
    loudness_lufs: float | None = None
    source_sha256: str | None = None

    @property
    def is_playable(self) -> bool:
        """Return whether learners can watch it, be it with some rungs still missing."""
        return self.generation is not None

    @property
    def is_under_way(self) -> bool:
        """Return whether its state will change by itself."""
        return self.status in (VideoStatus.QUEUED, VideoStatus.PROCESSING)

    @property
    def error_tail(self) -> str | None:
        """Return the end of what went wrong: an encoder names the cause in its last lines."""
        return self.error_detail[-ERROR_TAIL_LENGTH:] if self.error_detail else None


# The columns are VideoRow's fields, in order.
_ROWS = select(
    Video.id,
    Video.title,
    Video.status,
    Video.stage,
    Video.progress_percent,
    Video.is_complete,
    Video.error_code,
    Video.error_detail,
    Video.source_bytes,
    Video.duration_seconds,
    Video.width,
    Video.height,
    Video.created_at,
    Video.ready_at,
    Video.generation,
    Video.seconds_left,
    Video.begun_at,
    Video.reported_at,
    Video.attempts,
    Video.loudness_lufs,
    Video.source_sha256,
)


@dataclass(frozen=True, slots=True)
class RungRow:
    """A rung that is served. Bandwidth is bits per second, size bytes."""

    name: str
    kind: RenditionKind
    width: int | None
    height: int | None
    average_bandwidth: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class CaptionRow:
    """A caption track without its text."""

    language: str
    label: str
    version: int
    updated_at: datetime


def count_by_status(scope: ColumnElement[bool]) -> dict[VideoStatus, int]:
    """Count the videos in `scope`, every status named."""
    rows = db.session.execute(
        select(Video.status, func.count()).where(scope).group_by(Video.status)
    )
    counted = {row[0]: row[1] for row in rows}
    return {status: counted.get(status, 0) for status in VideoStatus}


def list_videos(
    scope: ColumnElement[bool],
    after: tuple[datetime, uuid.UUID] | None,
    limit: int,
    *,
    text: str = "",
    status: VideoStatus | None = None,
) -> list[VideoRow]:
    """Return videos in `scope`, newest first, those behind the position `after`.

    `text` is a part of the title.
    """
    statement = _ROWS.where(scope)
    if text:
        statement = statement.where(Video.title.icontains(text, autoescape=True))
    if status is not None:
        statement = statement.where(Video.status == status)
    if after is not None:
        statement = statement.where(tuple_(Video.created_at, Video.id) < tuple_(*after))
    return _read(statement.order_by(Video.created_at.desc(), Video.id.desc()).limit(limit))


def get_video(scope: ColumnElement[bool], video_id: uuid.UUID) -> VideoRow:
    """Return one video in `scope`. Raises NotFound."""
    found = _read(_ROWS.where(scope, Video.id == video_id))
    if not found:
        raise NotFound
    return found[0]


def states_of(video_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, VideoRow]:
    """Return the videos with these ids, by id; for whoever knows already who may see them."""
    if not video_ids:
        return {}
    return {row.id: row for row in _read(_ROWS.where(Video.id.in_(video_ids)))}


def list_rungs(video: VideoRow) -> list[RungRow]:
    """Return the rungs that are served, the largest first."""
    rows = db.session.execute(
        select(
            Rendition.name,
            Rendition.kind,
            Rendition.width,
            Rendition.height,
            Rendition.average_bandwidth,
            Rendition.size_bytes,
        )
        .where(Rendition.video_id == video.id, Rendition.generation == video.generation)
        .order_by(Rendition.average_bandwidth.desc())
    )
    return [RungRow(**row._asdict()) for row in rows]


def list_captions(video_id: uuid.UUID) -> list[CaptionRow]:
    """Return the caption tracks of a video, by language."""
    rows = db.session.execute(
        select(
            CaptionTrack.language,
            CaptionTrack.label,
            CaptionTrack.version,
            CaptionTrack.updated_at,
        )
        .where(CaptionTrack.video_id == video_id)
        .order_by(CaptionTrack.language)
    )
    return [CaptionRow(**row._asdict()) for row in rows]


def list_troubled(scope: ColumnElement[bool], limit: int) -> list[VideoRow]:
    """Return the videos somebody should look at: failed ones, and those waiting suspiciously."""
    unfinished = Video.status.in_((VideoStatus.QUEUED, VideoStatus.PROCESSING))
    stuck = and_(unfinished, Video.progress_percent == 0, Video.created_at < utcnow() - STUCK_AFTER)
    troubled = or_(Video.status == VideoStatus.FAILED, stuck)
    newest_first = (Video.created_at.desc(), Video.id.desc())
    return _read(_ROWS.where(scope, troubled).order_by(*newest_first).limit(limit))


def _read(statement: Select[*tuple[object, ...]]) -> list[VideoRow]:
    return [VideoRow(**row._asdict()) for row in db.session.execute(statement)]
