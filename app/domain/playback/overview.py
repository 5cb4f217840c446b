"""What the administration shows of streams."""

import uuid

from sqlalchemy import func, select

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import LoginSession
from app.domain.courses.models import Course, Lesson
from app.domain.playback.models import PlaybackSession


def count_live_streams(owner_id: uuid.UUID | None) -> int:
    """Count the streams running now, of every course or of one instructor's."""
    statement = (
        select(func.count())
        .select_from(PlaybackSession)
        .join(LoginSession, LoginSession.id == PlaybackSession.login_session_id)
        .where(
            PlaybackSession.ended_at.is_(None),
            PlaybackSession.lease_expires_at > utcnow(),
            LoginSession.revoked_at.is_(None),
        )
    )
    if owner_id is not None:
        statement = (
            statement.join(Lesson, Lesson.id == PlaybackSession.lesson_id)
            .join(Course, Course.id == Lesson.course_id)
            .where(Course.instructor_id == owner_id)
        )
    return db.session.scalar(statement) or 0
