"""What the administration shows of videos: how many are in which state, and each one's trouble."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_

from app.clock import utcnow
from app.database import db
from app.domain.videos.models import Video, VideoStatus

STUCK_AFTER = timedelta(minutes=30)
ERROR_TAIL_LENGTH = 400


@dataclass(frozen=True, slots=True)
class VideoRow:
    """A video as a table shows it. Sizes are bytes, durations seconds of media time."""

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
)


def count_by_status(scope: ColumnElement[bool]) -> dict[VideoStatus, int]:
    """Count the videos in `scope`, every status named."""
    rows = db.session.execute(
        select(Video.status, func.count()).where(scope).group_by(Video.status)
    )
    counted = {row[0]: row[1] for row in rows}
    return {status: counted.get(status, 0) for status in VideoStatus}


def list_videos(
    scope: ColumnElement[bool], after: tuple[datetime, uuid.UUID] | None, limit: int
) -> list[VideoRow]:
    """Return videos in `scope`, newest first, those behind the position `after`."""
    statement = _ROWS.where(scope)
    if after is not None:
        statement = statement.where(tuple_(Video.created_at, Video.id) < tuple_(*after))
    return _read(statement.order_by(Video.created_at.desc(), Video.id.desc()).limit(limit))


def list_troubled(scope: ColumnElement[bool], limit: int) -> list[VideoRow]:
    """Return the videos somebody should look at: failed ones, and those waiting suspiciously."""
    unfinished = Video.status.in_((VideoStatus.QUEUED, VideoStatus.PROCESSING))
    stuck = and_(unfinished, Video.progress_percent == 0, Video.created_at < utcnow() - STUCK_AFTER)
    troubled = or_(Video.status == VideoStatus.FAILED, stuck)
    newest_first = (Video.created_at.desc(), Video.id.desc())
    return _read(_ROWS.where(scope, troubled).order_by(*newest_first).limit(limit))


def _read(statement: Select[*tuple[object, ...]]) -> list[VideoRow]:
    return [VideoRow(**row._asdict()) for row in db.session.execute(statement)]
