"""What this room knows of one person: for their export, and what goes with their account."""

import uuid
from typing import Any

from sqlalchemy import select, update

from app.database import db
from app.domain.courses.models import Course, Lesson
from app.domain.playback.models import PlaybackSession


def export_of(user_id: uuid.UUID) -> dict[str, Any]:
    """Return every time the person played a video."""
    rows = db.session.execute(
        select(
            Course.title.label("course"),
            Lesson.title.label("lesson"),
            PlaybackSession.device,
            PlaybackSession.code,
            PlaybackSession.created_at,
            PlaybackSession.heartbeat_at.label("last_reported_at"),
            PlaybackSession.ended_at,
            PlaybackSession.end_reason,
        )
        .join(Lesson, Lesson.id == PlaybackSession.lesson_id)
        .join(Course, Course.id == Lesson.course_id)
        .where(PlaybackSession.user_id == user_id)
        .order_by(PlaybackSession.created_at)
    )
    return {"playback": [dict(row) for row in rows.mappings()]}


def erase(user_id: uuid.UUID) -> None:
    """Forget on which devices the person watched; the streams stay, nobody's by name."""
    db.session.execute(
        update(PlaybackSession)
        .where(PlaybackSession.user_id == user_id)
        .values(device="")
        .execution_options(synchronize_session=False)
    )
