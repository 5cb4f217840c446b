"""Videos as courses use them: where one is shown, and that none is deleted under learners."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.database import db
from app.domain.courses.charge import own_courses, own_media
from app.domain.courses.models import Course, Lesson
from app.domain.videos import control, overview
from app.domain.videos.models import Video, VideoStatus
from app.domain.videos.overview import VideoRow
from app.errors import InUse

MAX_USES = 100


@dataclass(frozen=True, slots=True)
class Use:
    """A lesson that shows a video, or will once it plays (`is_incoming`)."""

    lesson_id: uuid.UUID
    lesson_title: str
    course_id: uuid.UUID
    course_title: str
    course_slug: str
    is_incoming: bool
    is_own: bool


def list_media(
    owner_id: uuid.UUID | None,
    after: tuple[datetime, uuid.UUID] | None,
    limit: int,
    *,
    text: str = "",
    status: VideoStatus | None = None,
) -> list[VideoRow]:
    """Return videos, newest first, those behind the position `after`."""
    return overview.list_videos(own_media(owner_id), after, limit, text=text, status=status)


def get_media(owner_id: uuid.UUID | None, video_id: uuid.UUID) -> VideoRow:
    """Return one video. Raises NotFound."""
    return overview.get_video(own_media(owner_id), video_id)


def list_uses(owner_id: uuid.UUID | None, video_id: uuid.UUID) -> list[Use]:
    """Return the lessons that show the video; `is_own` says which the owner may look into."""
    rows = db.session.execute(
        select(
            Lesson.id.label("lesson_id"),
            Lesson.title.label("lesson_title"),
            Course.id.label("course_id"),
            Course.title.label("course_title"),
            Course.slug.label("course_slug"),
            (Lesson.incoming_video_id == video_id).is_(True).label("is_incoming"),
            own_courses(owner_id).label("is_own"),
        )
        .join(Course, Course.id == Lesson.course_id)
        .where((Lesson.video_id == video_id) | (Lesson.incoming_video_id == video_id))
        .order_by(Course.title, Lesson.position)
        .limit(MAX_USES)
    )
    return [Use(**row._asdict()) for row in rows]


def discard(video: Video) -> None:
    """Delete a video that no lesson shows. Raises InUse, naming the lessons."""
    # The row is locked first: a lesson that takes the video meanwhile waits, and then finds none.
    db.session.get_one(Video, video.id, with_for_update=True)
    uses = [use for use in list_uses(None, video.id) if not use.is_incoming]
    if uses:
        names = ", ".join(f"{use.lesson_title} ({use.course_title})" for use in uses[:3])
        raise InUse(
            f"Lessons show this video: {names}. Give them another one first.",
            lessons=[{"id": str(use.lesson_id), "title": use.lesson_title} for use in uses],
        )
    control.discard(video)
