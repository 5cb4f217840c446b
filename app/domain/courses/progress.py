"""Honest progress: what was really watched, as a union of second ranges, in one statement.

Seeking to the end adds nothing, watching twice adds nothing, and one heartbeat adds no more new
seconds than its budget.
"""

import math
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Boolean, Integer, bindparam, text, update
from sqlalchemy.dialects.postgresql import insert

from app.clock import utcnow
from app.database import Prepared, db
from app.domain.accounts.models import Role
from app.domain.courses.access import require_lesson_access
from app.domain.courses.completion import course_percent, percent_of, settle
from app.domain.courses.models import Enrollment, LessonProgress
from app.errors import InvalidInput, NotFound

COMPLETE_PERCENT = 90
MAX_RANGES = 500
LONGEST_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where a learner stands after a heartbeat or a tick."""

    lesson_completed: bool
    newly_completed: bool
    watched_seconds: int
    course_percent: int


# Both are parts of a WITH that has `lesson` (with its budget) and `before`.
# `fresh` is what the learner had not watched before, in order, with the seconds ahead of each
# piece; `granted` cuts it where the budget ends. Two heartbeats of one learner may race: the
# union in DO UPDATE reads the row as it is then, so neither loses the other's seconds.
FRESH = """
    SELECT lower(r) AS first, upper(r) AS last,
        coalesce(sum(upper(r) - lower(r)) OVER (
            ORDER BY lower(r) ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS ahead
    FROM lesson, unnest(
        CAST(:ranges AS int4multirange) * int4multirange(int4range(0, seconds))
        - coalesce((SELECT watched FROM before), CAST('{}' AS int4multirange))) AS r
"""
GRANTED = """
    SELECT coalesce(
        range_agg(int4range(first, least(last, CAST(first + budget - ahead AS integer)))),
        CAST('{}' AS int4multirange)) AS watched
    FROM fresh, lesson WHERE ahead < budget
"""
# last_watched_at moves at most once a minute: most heartbeats write one row, not two.
_RECORD = Prepared(
    text(
        """
    WITH lesson AS (
        SELECT l.id, l.course_id, l.duration_seconds AS seconds, c.lesson_count,
            CAST(:budget AS integer) AS budget
        FROM lessons l JOIN courses c ON c.id = l.course_id
        WHERE l.id = :lesson_id AND l.course_id = :course_id
    ), before AS (
        SELECT watched, completed_at FROM lesson_progress
        WHERE user_id = :user_id AND lesson_id = :lesson_id
    ), fresh AS ("""  # noqa: S608 - put together from what stands above
        + FRESH
        + "), granted AS ("
        + GRANTED
        + """), saved AS (
        INSERT INTO lesson_progress AS p
            (user_id, lesson_id, course_id, position_seconds, watched, updated_at, completed_at)
        SELECT :user_id, lesson.id, lesson.course_id, least(:position, lesson.seconds),
            granted.watched, :now,
            CASE WHEN lesson.seconds > 0 AND 100 * (
                SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(granted.watched) AS r
            ) >= :percent * lesson.seconds THEN CAST(:now AS timestamptz) END
        FROM lesson, granted
        ON CONFLICT (user_id, lesson_id) DO UPDATE SET
            position_seconds = excluded.position_seconds,
            watched = p.watched + excluded.watched,
            updated_at = excluded.updated_at,
            completed_at = coalesce(p.completed_at,
                CASE WHEN (SELECT seconds FROM lesson) > 0 AND 100 * (
                    SELECT coalesce(sum(upper(r) - lower(r)), 0)
                    FROM unnest(p.watched + excluded.watched) AS r
                ) >= :percent * (SELECT seconds FROM lesson) THEN excluded.updated_at END)
        RETURNING completed_at,
            (SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(watched) AS r) AS seconds
    ), touched AS (
        UPDATE enrollments SET last_lesson_id = :lesson_id, last_watched_at = :now
        WHERE user_id = :user_id AND course_id = :course_id AND revoked_at IS NULL
            AND (last_lesson_id IS DISTINCT FROM :lesson_id
                OR last_watched_at IS NULL
                OR last_watched_at < CAST(:now AS timestamptz) - interval '1 minute')
    )
    SELECT saved.completed_at IS NOT NULL AS lesson_completed,
        saved.completed_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM before WHERE before.completed_at IS NOT NULL) AS newly_completed,
        saved.seconds AS watched_seconds,
        (SELECT count(*) FROM lesson_progress o
         WHERE o.user_id = :user_id AND o.course_id = :course_id
             AND o.lesson_id <> :lesson_id AND o.completed_at IS NOT NULL)
            + CAST(saved.completed_at IS NOT NULL AS integer) AS completed_lessons,
        lesson.lesson_count
    FROM saved, lesson
    """
    )
    .bindparams(
        bindparam("user_id", type_=LessonProgress.user_id.type),
        bindparam("lesson_id", type_=LessonProgress.lesson_id.type),
        bindparam("course_id", type_=LessonProgress.course_id.type),
        bindparam("now", type_=LessonProgress.updated_at.type),
        bindparam("position", type_=LessonProgress.position_seconds.type),
        bindparam("budget", type_=Integer()),
        bindparam("percent", type_=Integer()),
    )
    .columns(
        lesson_completed=Boolean,
        newly_completed=Boolean,
        watched_seconds=Integer,
        completed_lessons=Integer,
        lesson_count=Integer,
    )
)


def record(
    user_id: uuid.UUID,
    lesson_id: uuid.UUID,
    course_id: uuid.UUID,
    position_seconds: float,
    ranges: Sequence[Sequence[int]],
    max_new_seconds: int,
) -> Recorded:
    """Add watched second ranges [from, to) and remember the position, clamped to the lesson.

    At most `max_new_seconds` seconds that were never watched before are added, earliest first. A
    lesson completes once 90 % of it was watched. The caller has checked access. Raises NotFound
    when the lesson is not of that course, InvalidInput for a position that is no number.
    """
    if not math.isfinite(position_seconds):
        raise InvalidInput({"position_seconds": "Send the position as seconds."})
    row = _RECORD.first(
        {
            "user_id": user_id,
            "lesson_id": lesson_id,
            "course_id": course_id,
            "position": min(max(float(position_seconds), 0.0), float(LONGEST_SECONDS)),
            "ranges": multirange(ranges),
            "budget": min(max(int(max_new_seconds), 0), LONGEST_SECONDS),
            "percent": COMPLETE_PERCENT,
            "now": utcnow(),
        }
    )
    if row is None:
        raise NotFound
    if row.newly_completed:
        settle(user_id, course_id)
    return Recorded(
        lesson_completed=row.lesson_completed,
        newly_completed=row.newly_completed,
        watched_seconds=row.watched_seconds,
        course_percent=percent_of(row.completed_lessons, row.lesson_count),
    )


def multirange(ranges: Iterable[Sequence[int]]) -> str:
    """Return the ranges as a multirange literal; empty, reversed and negative parts fall away."""
    parts = []
    for first, last in list(ranges)[:MAX_RANGES]:
        start, end = max(int(first), 0), min(int(last), LONGEST_SECONDS)
        if start < end:
            parts.append(f"[{start},{end})")
    return "{" + ",".join(parts) + "}"


def mark_complete(
    user_id: uuid.UUID, lesson_id: uuid.UUID, role: Role | None = None, *, slug: str | None = None
) -> Recorded:
    """Tick a lesson off by hand; `slug` names the course it must be of.

    Raises NotFound, EnrollmentRequired.
    """
    access = require_lesson_access(user_id, lesson_id, role)
    if slug is not None and slug != access.course_slug:
        raise NotFound
    now = utcnow()
    newly_completed = _tick(user_id, lesson_id, access.course_id)
    db.session.execute(
        update(Enrollment)
        .where(
            Enrollment.user_id == user_id,
            Enrollment.course_id == access.course_id,
            Enrollment.revoked_at.is_(None),
        )
        .values(last_lesson_id=lesson_id, last_watched_at=now)
        .execution_options(synchronize_session=False)
    )
    if newly_completed:
        settle(user_id, access.course_id)
    return Recorded(
        lesson_completed=True,
        newly_completed=newly_completed,
        watched_seconds=0,
        course_percent=course_percent(user_id, access.course_id),
    )


def _tick(user_id: uuid.UUID, lesson_id: uuid.UUID, course_id: uuid.UUID) -> bool:
    now = utcnow()
    statement = insert(LessonProgress).values(
        user_id=user_id,
        lesson_id=lesson_id,
        course_id=course_id,
        updated_at=now,
        completed_at=now,
    )
    return (
        db.session.execute(
            statement.on_conflict_do_update(
                index_elements=["user_id", "lesson_id"],
                set_={"completed_at": now, "updated_at": now},
                where=LessonProgress.completed_at.is_(None),
            ).returning(LessonProgress.lesson_id)
        ).first()
        is not None
    )
