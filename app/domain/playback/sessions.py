"""Streams: started under the account's limit, kept alive by heartbeats, stopped by many things."""

import hashlib
import logging
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    DateTime,
    Integer,
    Text,
    Uuid,
    bindparam,
    column,
    func,
    select,
    true,
    update,
)

from app.clock import utcnow
from app.current import settings
from app.database import NO_WAIT, Prepared, db
from app.domain.accounts.models import LoginSession, Role
from app.domain.accounts.sessions import SignedIn
from app.domain.courses import progress
from app.domain.courses.access import (
    IS_ADMIN,
    OWN_PROGRESS,
    USER_ID,
    may_watch,
    require_lesson_access,
    resume_position,
)
from app.domain.courses.models import Course, Lesson, LessonProgress
from app.domain.playback import leases, tokens, watermark
from app.domain.playback.beats import Beat, Pulse, budget_seconds
from app.domain.playback.leases import Lease
from app.domain.playback.models import EndReason, PlaybackSession
from app.domain.playback.tokens import PlaybackClaims
from app.domain.playback.watermark import Watermark
from app.domain.site import choices
from app.errors import (
    InvalidInput,
    NotFound,
    TokenInvalid,
    TooManyRequests,
    TooManyStreams,
    VideoNotReady,
)

log = logging.getLogger("playback")

CODE_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class StartedPlayback:
    """A stream that was just opened, and what its player needs."""

    token: str
    session_id: uuid.UUID
    watermark: Watermark
    resume_position_seconds: float


# The lesson where it may be watched, and only then the call, for each row that is found: what is
# materialized is decided before. The call locks the person's row, then counts and inserts: see the
# migration that made it. A stream that is to be replaced ends only where the new one was opened.
_WATCHABLE = (
    select(
        Lesson.video_id,
        Lesson.duration_seconds,
        func.coalesce(LessonProgress.position_seconds, 0.0).label("position_seconds"),
    )
    .join(Course, Course.id == Lesson.course_id)
    .outerjoin(LessonProgress, OWN_PROGRESS)
    .where(
        Lesson.id == bindparam("lesson_id", type_=Uuid()),
        Lesson.video_id.is_not(None),
        may_watch(USER_ID, IS_ADMIN),
    )
    .cte("watchable")
    .prefix_with("MATERIALIZED")
)
_STREAM = (
    func.open_stream(
        bindparam("id", type_=Uuid()),
        bindparam("code", type_=Text()),
        USER_ID,
        bindparam("login_session_id", type_=Uuid()),
        bindparam("lesson_id", type_=Uuid()),
        _WATCHABLE.c.video_id,
        bindparam("replace_id", type_=Uuid()),
        bindparam("device", type_=Text()),
        leases.NOW,
        bindparam("minute_ago", type_=DateTime(timezone=True)),
        bindparam("lease_expires_at", type_=DateTime(timezone=True)),
        bindparam("max_streams", type_=Integer()),
        bindparam("per_minute", type_=Integer()),
    )
    .table_valued(
        column("live", Integer),
        column("recent", Integer),
        column("opened", Boolean),
        column("is_ready", Boolean),
    )
    .lateral("stream")
)
_OPEN = Prepared(select(_WATCHABLE, _STREAM, NO_WAIT).select_from(_WATCHABLE.join(_STREAM, true())))


def start(
    signed_in: SignedIn,
    lesson_id: uuid.UUID,
    device: str,
    replace_session_id: uuid.UUID | None = None,
) -> StartedPlayback:
    """Open a stream of a lesson's video, ending `replace_session_id` for it when given.

    Raises NotFound, EnrollmentRequired, InvalidInput (no video in the lesson), VideoNotReady,
    TooManyStreams (with the live ones) and TooManyRequests.
    """
    now = utcnow()
    session_id = uuid.uuid4()
    values: dict[str, Any] = {
        "id": session_id,
        "user_id": signed_in.user_id,
        "is_admin": signed_in.role is Role.ADMIN,
        "login_session_id": signed_in.session_id,
        "lesson_id": lesson_id,
        "replace_id": replace_session_id,
        "device": device,
        "now": now,
        "minute_ago": now - timedelta(minutes=1),
        "lease_expires_at": now + timedelta(seconds=settings.playback_lease_seconds),
        "max_streams": choices.current().max_streams,
        "per_minute": settings.playback_tokens_per_minute,
    }
    for _ in range(CODE_ATTEMPTS):
        code = watermark.new_code()
        row = _OPEN.first({**values, "code": code})
        if row is None:
            _require_video(signed_in, lesson_id)
        elif row.opened:
            return _started(signed_in, session_id, code, row)
        else:
            _refuse(signed_in, row, values["max_streams"])
    raise TooManyRequests(1)


def _started(signed_in: SignedIn, session_id: uuid.UUID, code: str, row: Any) -> StartedPlayback:
    claims = PlaybackClaims(signed_in.user_id, _fingerprint(signed_in), session_id, row.video_id)
    return StartedPlayback(
        token=tokens.issue(claims),
        session_id=session_id,
        watermark=watermark.of(signed_in.name, signed_in.email, code),
        resume_position_seconds=resume_position(row.position_seconds, row.duration_seconds),
    )


def _require_video(signed_in: SignedIn, lesson_id: uuid.UUID) -> None:
    """Say why a lesson may not be watched, unless by now it may be."""
    access = require_lesson_access(signed_in.user_id, lesson_id, signed_in.role)
    if access.video_id is None:
        raise InvalidInput({"lesson_id": "This lesson has no video to play."})


def _refuse(signed_in: SignedIn, row: Any, max_streams: int) -> None:
    """Say why no stream was opened, unless somebody else's had the same code."""
    if not row.is_ready:
        raise VideoNotReady
    if row.live >= max_streams:
        raise TooManyStreams(sessions=list_live(signed_in))
    if row.recent >= settings.playback_tokens_per_minute:
        raise TooManyRequests(60, "Too many streams were started. Wait a minute.")


def _fingerprint(signed_in: SignedIn) -> str:
    return hashlib.sha256(signed_in.session_hash).hexdigest()


_OPENED = Prepared(
    update(PlaybackSession)
    .where(PlaybackSession.id == bindparam("lease_id", type_=PlaybackSession.id.type))
    .values(opened_at=leases.NOW)
    .returning(PlaybackSession.id, NO_WAIT)
)


def open_by_token(signed_in: SignedIn, token: str) -> tuple[Lease, str]:
    """Return the lease that `token` opens for this sign-in, and what its video consists of.

    Raises TokenInvalid (also for another account's or another sign-in's), TokenExpired,
    SessionEnded.
    """
    claims = tokens.verify(token)
    if claims.user_id != signed_in.user_id or claims.session_hash != _fingerprint(signed_in):
        raise TokenInvalid
    lease, tracks = leases.get_live_with_tracks(signed_in, claims.playback_session_id)
    if lease.video_id != claims.video_id:
        raise TokenInvalid
    if lease.opened_at is None:
        _OPENED.first({"lease_id": lease.id, "now": utcnow()})
    return lease, tracks


# The old heartbeat's time bounds how much new watched time this one may claim; the row lock
# keeps two parallel heartbeats from both claiming it.
_BEFORE = (
    select(PlaybackSession.id, PlaybackSession.heartbeat_at)
    .where(*leases.OWN)
    .with_for_update()
    .cte("before")
)
_RENEW = Prepared(
    update(PlaybackSession)
    .where(PlaybackSession.id == _BEFORE.c.id, *leases.LIVE)
    .values(
        heartbeat_at=leases.NOW,
        lease_expires_at=bindparam("expires_at", type_=DateTime(timezone=True)),
    )
    .returning(
        PlaybackSession.id,
        PlaybackSession.video_id,
        PlaybackSession.generation,
        PlaybackSession.lesson_id,
        Lesson.course_id,
        _BEFORE.c.heartbeat_at.label("previous_at"),
    )
)


def heartbeat(signed_in: SignedIn, session_id: uuid.UUID, beat: Beat) -> Pulse:
    """Renew the lease under the same id and save what was watched.

    Raises NotFound, or SessionEnded with the reason the stream may not go on.
    """
    values = leases.parameters(signed_in, session_id)
    now = utcnow()
    values["expires_at"] = now + timedelta(seconds=settings.playback_lease_seconds)
    row = _RENEW.first(values)
    if row is None:
        leases.get_live(signed_in, session_id)
        raise NotFound
    if beat.is_watermark_hidden:
        log.warning("watermark hidden", extra={"playback_session": str(session_id)})
    recorded = progress.record(
        signed_in.user_id,
        row.lesson_id,
        row.course_id,
        beat.position_seconds,
        beat.seconds,
        budget_seconds(now, row.previous_at),
    )
    if beat.is_last:
        stop(signed_in, session_id)
    return Pulse(
        lease=Lease(row.id, row.video_id, row.generation, 0.0, None),
        lease_expires_in_seconds=0 if beat.is_last else settings.playback_lease_seconds,
        lesson_completed=recorded.lesson_completed,
        course_percent=recorded.course_percent,
    )


def stop(signed_in: SignedIn, session_id: uuid.UUID) -> None:
    """End one of the person's own streams, on whichever device; ending it twice changes nothing.

    Raises NotFound for an unknown or foreign one.
    """
    found = db.session.execute(
        update(PlaybackSession)
        .where(PlaybackSession.id == session_id, PlaybackSession.user_id == signed_in.user_id)
        .values(
            ended_at=func.coalesce(PlaybackSession.ended_at, utcnow()),
            end_reason=func.coalesce(PlaybackSession.end_reason, EndReason.STOPPED),
        )
        .returning(PlaybackSession.id)
        .execution_options(synchronize_session=False)
    ).first()
    if found is None:
        raise NotFound


def list_live(signed_in: SignedIn) -> list[dict[str, Any]]:
    """Return the account's live streams, the newest first."""
    now = utcnow()
    rows = db.session.execute(
        select(
            PlaybackSession.id,
            PlaybackSession.device,
            PlaybackSession.created_at,
            PlaybackSession.lease_expires_at,
            PlaybackSession.login_session_id,
            Lesson.id.label("lesson_id"),
            Lesson.title.label("lesson_title"),
            Course.title.label("course_title"),
        )
        .join(Lesson, Lesson.id == PlaybackSession.lesson_id)
        .join(Course, Course.id == Lesson.course_id)
        .join(LoginSession, LoginSession.id == PlaybackSession.login_session_id)
        .where(
            PlaybackSession.user_id == signed_in.user_id,
            PlaybackSession.ended_at.is_(None),
            PlaybackSession.lease_expires_at > now,
            LoginSession.revoked_at.is_(None),
        )
        .order_by(PlaybackSession.created_at.desc())
        .limit(50)
    )
    return [
        {
            "id": row.id,
            "device": row.device,
            "lesson_id": row.lesson_id,
            "lesson_title": row.lesson_title,
            "course_title": row.course_title,
            "started_at": row.created_at,
            "lease_expires_in_seconds": max(0, int((row.lease_expires_at - now).total_seconds())),
            "is_this_sign_in": row.login_session_id == signed_in.session_id,
        }
        for row in rows
    ]
