"""A heartbeat as one statement that commits itself: the lease renewed, what was watched saved."""

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, DateTime, Float, Integer, Text, Uuid, bindparam, select, text

from app.clock import utcnow
from app.current import settings
from app.database import NO_WAIT, Prepared
from app.domain.accounts.sessions import SignedIn
from app.domain.courses.completion import percent_of
from app.domain.courses.models import Course, Lesson
from app.domain.courses.progress import COMPLETE_PERCENT, FRESH, GRANTED, multirange
from app.domain.playback import leases
from app.domain.playback.leases import Lease
from app.domain.playback.models import PlaybackSession

FASTEST_RATE = 2.0
SLACK_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Beat:
    """What a player reports: its position and the second ranges really shown since last time."""

    position_seconds: float
    watched: Sequence[tuple[float, float]]
    is_last: bool = False
    is_watermark_hidden: bool = False

    @property
    def seconds(self) -> list[tuple[int, int]]:
        """Return the ranges in whole seconds; a quarter of one may lack at either end."""
        return [(math.floor(first + 0.25), math.ceil(last - 0.25)) for first, last in self.watched]


@dataclass(frozen=True, slots=True)
class Pulse:
    """The answer to a heartbeat."""

    lease: Lease
    lease_expires_in_seconds: int
    lesson_completed: bool
    course_percent: int


def budget_seconds(now: datetime, previous_at: datetime) -> int:
    """Return how much may newly count: what can have been shown since, and a little for delays.

    The slack grows with the time too, or hurried heartbeats would add it up to a whole lesson.
    """
    elapsed = max((now - previous_at).total_seconds(), 0.0)
    return math.floor(elapsed * FASTEST_RATE + min(elapsed, SLACK_SECONDS))


_MOMENT = DateTime(timezone=True)
_TYPES: dict[str, Any] = {
    "now": _MOMENT,
    "expires_at": _MOMENT,
    "rate": Float(),
    "slack": Float(),
    "percent": Integer(),
    "position": Float(),
}


def _part(name: str, sql: str, **columns: Any) -> Any:
    typed = [bindparam(key, type_=kind) for key, kind in _TYPES.items() if f":{key}" in sql]
    return text(sql).bindparams(*typed).columns(**columns).cte(name)


# The row lock keeps two parallel heartbeats from both claiming the time since the one before.
_LIVE = (
    select(
        PlaybackSession.id,
        PlaybackSession.user_id,
        PlaybackSession.video_id,
        PlaybackSession.generation,
        PlaybackSession.heartbeat_at,
        Lesson.id.label("lesson_id"),
        Lesson.course_id,
        Lesson.duration_seconds.label("seconds"),
        Course.lesson_count,
    )
    .where(*leases.LIVE)
    .with_for_update(of=PlaybackSession)
    .cte("live")
)
_PARTS = (
    _LIVE,
    _part(
        "lesson",
        """
        SELECT live.*, CAST(floor(elapsed * :rate + least(elapsed, :slack)) AS integer) AS budget
        FROM live, LATERAL (SELECT greatest(
            CAST(extract(epoch FROM :now - heartbeat_at) AS double precision), 0) AS elapsed) AS t
        """,
        budget=Integer,
    ),
    _part(
        "before",
        """
        SELECT p.watched, p.completed_at FROM lesson_progress p
        JOIN lesson ON p.user_id = lesson.user_id AND p.lesson_id = lesson.lesson_id
        """,
        watched=Text,
    ),
    _part("fresh", FRESH, first=Integer),
    _part("granted", GRANTED, watched=Text),
    # A lesson that this heartbeat would complete is left alone: what follows from it is done
    # together with it, in a transaction.
    _part(
        "done",
        """
        SELECT was, NOT was AND lesson.seconds > 0 AND 100 * (
            SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(granted.watched
                + coalesce((SELECT watched FROM before), CAST('{}' AS int4multirange))) AS r
        ) >= :percent * lesson.seconds AS completing
        FROM lesson, granted, LATERAL (SELECT EXISTS (
            SELECT FROM before WHERE before.completed_at IS NOT NULL) AS was) AS w
        """,
        was=Boolean,
        completing=Boolean,
    ),
    _part(
        "renewed",
        """
        UPDATE playback_sessions p SET heartbeat_at = :now, lease_expires_at = :expires_at
        FROM live, done WHERE p.id = live.id AND NOT completing
        RETURNING p.id
        """,
        id=Uuid,
    ),
    _part(
        "saved",
        """
        INSERT INTO lesson_progress AS p
            (user_id, lesson_id, course_id, position_seconds, watched, updated_at)
        SELECT user_id, lesson_id, course_id, least(:position, seconds), granted.watched, :now
        FROM lesson, granted, done WHERE NOT completing
        ON CONFLICT (user_id, lesson_id) DO UPDATE SET
            position_seconds = excluded.position_seconds,
            watched = p.watched + excluded.watched,
            updated_at = excluded.updated_at
        RETURNING p.lesson_id
        """,
        lesson_id=Uuid,
    ),
    _part(
        "touched",
        """
        UPDATE enrollments e SET last_lesson_id = live.lesson_id, last_watched_at = :now
        FROM live, saved
        WHERE e.user_id = live.user_id AND e.course_id = live.course_id AND e.revoked_at IS NULL
            AND (e.last_lesson_id IS DISTINCT FROM live.lesson_id
                OR e.last_watched_at IS NULL
                OR e.last_watched_at < CAST(:now AS timestamptz) - interval '1 minute')
        RETURNING e.course_id
        """,
        course_id=Uuid,
    ),
    _part(
        "others",
        """
        SELECT count(*) AS completed FROM live JOIN lesson_progress o
            ON o.user_id = live.user_id AND o.course_id = live.course_id
        WHERE o.lesson_id <> live.lesson_id AND o.completed_at IS NOT NULL
        """,
        completed=Integer,
    ),
)
_NAMED = {part.name: part.c for part in _PARTS}
_BEAT = Prepared(
    select(
        _LIVE.c.id,
        _LIVE.c.video_id,
        _LIVE.c.generation,
        _LIVE.c.lesson_count,
        _NAMED["done"].was,
        _NAMED["done"].completing,
        _NAMED["others"].completed,
        NO_WAIT,
    ).add_cte(*_PARTS)
)


def beat_alone(signed_in: SignedIn, session_id: uuid.UUID, beat: Beat) -> Pulse | None:
    """Renew the lease under the same id and save what was watched, in one statement.

    None where nothing was done: the lease is over, or more follows from this heartbeat than one
    statement does; ask `sessions.heartbeat` then.
    """
    if beat.is_last or beat.is_watermark_hidden:
        return None
    values = leases.parameters(signed_in, session_id)
    now = utcnow()
    row = _BEAT.first(
        values
        | {
            "now": now,
            "expires_at": now + timedelta(seconds=settings.playback_lease_seconds),
            "rate": FASTEST_RATE,
            "slack": float(SLACK_SECONDS),
            "percent": COMPLETE_PERCENT,
            "position": max(beat.position_seconds, 0.0),
            "ranges": multirange(beat.seconds),
        }
    )
    if row is None or row.completing:
        return None
    return Pulse(
        lease=Lease(row.id, row.video_id, row.generation, 0.0, None),
        lease_expires_in_seconds=settings.playback_lease_seconds,
        lesson_completed=row.was,
        course_percent=percent_of(row.completed + row.was, row.lesson_count),
    )
