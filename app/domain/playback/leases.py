"""The lease: the row that lets a stream go on. Whatever serves a stream asks here first."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ColumnElement, DateTime, bindparam, func, select

from app.clock import utcnow
from app.database import Prepared
from app.domain.accounts.models import Role
from app.domain.accounts.sessions import SignedIn
from app.domain.courses.access import may_watch
from app.domain.courses.models import Course, Lesson
from app.domain.playback.models import EndReason, PlaybackSession
from app.domain.videos import queries
from app.domain.videos.models import Video
from app.errors import NotFound, SessionEnded

LAPSED = "lapsed"
NOW: ColumnElement[datetime] = bindparam("now", type_=DateTime(timezone=True))
_IS_ADMIN: ColumnElement[bool] = bindparam("is_admin", type_=Boolean())

# A lease belongs to one sign-in: the same person in another browser is refused, too.
OWN = (
    PlaybackSession.id == bindparam("lease_id", type_=PlaybackSession.id.type),
    PlaybackSession.user_id == bindparam("viewer_id", type_=PlaybackSession.user_id.type),
    PlaybackSession.login_session_id
    == bindparam("sign_in_id", type_=PlaybackSession.login_session_id.type),
)
# Access is asked each time, so a revoked enrollment ends the stream at the next request.
ALLOWED = may_watch(PlaybackSession.user_id, _IS_ADMIN)
LIVE = (
    *OWN,
    Lesson.id == PlaybackSession.lesson_id,
    Course.id == Lesson.course_id,
    PlaybackSession.ended_at.is_(None),
    PlaybackSession.lease_expires_at > NOW,
    ALLOWED,
)


@dataclass(frozen=True, slots=True)
class Lease:
    """A stream that may go on. Durations are seconds of media time."""

    id: uuid.UUID
    video_id: uuid.UUID
    generation: int
    duration_seconds: float
    opened_at: datetime | None


_LEASE = (
    select(
        PlaybackSession.id,
        PlaybackSession.video_id,
        PlaybackSession.generation,
        func.coalesce(Video.duration_seconds, 0.0).label("duration_seconds"),
        PlaybackSession.opened_at,
        PlaybackSession.ended_at,
        PlaybackSession.end_reason,
        PlaybackSession.lease_expires_at,
        ALLOWED.label("allowed"),
    )
    .join(Lesson, Lesson.id == PlaybackSession.lesson_id)
    .join(Course, Course.id == Lesson.course_id)
    .join(Video, Video.id == PlaybackSession.video_id)
    .where(*OWN)
)
_FIND = Prepared(_LEASE)
_FIND_WITH_TRACKS = Prepared(
    _LEASE.add_columns(
        queries.tracks_of(PlaybackSession.video_id, PlaybackSession.generation).label("tracks")
    )
)


def parameters(signed_in: SignedIn, lease_id: uuid.UUID) -> dict[str, object]:
    """Return the parameters of `OWN` and `LIVE`."""
    return {
        "lease_id": lease_id,
        "viewer_id": signed_in.user_id,
        "sign_in_id": signed_in.session_id,
        "is_admin": signed_in.role is Role.ADMIN,
        "now": utcnow(),
    }


def get_live(signed_in: SignedIn, lease_id: uuid.UUID) -> Lease:
    """Return the lease while it lives and its holder may watch.

    Raises NotFound for an unknown lease or another sign-in's, SessionEnded with its reason.
    """
    return _require_live(_FIND.first(parameters(signed_in, lease_id)))


def get_live_with_tracks(signed_in: SignedIn, lease_id: uuid.UUID) -> tuple[Lease, str]:
    """Return the lease as `get_live` does, and what its generation consists of."""
    row = _FIND_WITH_TRACKS.first(parameters(signed_in, lease_id))
    return _require_live(row), row.tracks


def _require_live(row: Any) -> Lease:
    if row is None:
        raise NotFound
    if row.ended_at is not None:
        raise SessionEnded(reason=(row.end_reason or EndReason.STOPPED).value)
    if not row.allowed:
        raise SessionEnded(
            "Your access to this course has ended.", reason=EndReason.ENROLLMENT_REVOKED.value
        )
    if row.lease_expires_at <= utcnow():
        raise SessionEnded(reason=LAPSED)
    return Lease(*row[:5])
