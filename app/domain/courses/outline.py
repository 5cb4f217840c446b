"""The outline of a course: sections and lessons with a person's ticks, and where to go on."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ScalarSelect, Select, and_, func, literal, or_, select, tuple_
from sqlalchemy.orm import aliased

from app.clock import utcnow
from app.database import db
from app.domain.courses.access import DAY, NOW, UserColumn
from app.domain.courses.models import (
    Course,
    Enrollment,
    Lesson,
    LessonKind,
    LessonProgress,
    Section,
)

MAX_LESSONS = 2000


@dataclass(frozen=True, slots=True)
class LessonView:
    """A line of the outline; one that `opens_at` a later moment is locked until then."""

    id: uuid.UUID
    title: str
    kind: LessonKind
    duration_seconds: int
    is_preview: bool
    is_locked: bool
    is_completed: bool
    opens_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SectionView:
    """A chapter of the outline. `opens_at` is None once it is open, and for who is not enrolled."""

    id: uuid.UUID
    title: str
    lessons: tuple[LessonView, ...]
    opens_after_days: int = 0
    opens_at: datetime | None = None

    @property
    def duration_seconds(self) -> int:
        """How long the chapter's lessons take."""
        return sum(lesson.duration_seconds for lesson in self.lessons)

    @property
    def completed_count(self) -> int:
        """How many of its lessons are ticked."""
        return sum(lesson.is_completed for lesson in self.lessons)


def _statement(course_id: uuid.UUID, user_id: uuid.UUID | None) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Section.id,
            Section.title,
            Section.opens_after_days,
            Lesson.id,
            Lesson.title,
            Lesson.kind,
            Lesson.duration_seconds,
            Lesson.is_preview,
            LessonProgress.completed_at.is_not(None),
        )
        .outerjoin(Lesson, Lesson.section_id == Section.id)
        .outerjoin(
            LessonProgress,
            and_(
                LessonProgress.lesson_id == Lesson.id,
                LessonProgress.user_id == literal(user_id, LessonProgress.user_id.type),
            ),
        )
        .where(Section.course_id == course_id)
        .order_by(Section.position, Lesson.position)
        .limit(MAX_LESSONS)
    )


def list_sections(
    course_id: uuid.UUID,
    user_id: uuid.UUID | None,
    *,
    unlocks_all: bool,
    drips_from: datetime | None,
) -> tuple[SectionView, ...]:
    """List the chapters in order; without `unlocks_all` all but the previews are locked.

    `drips_from` is the moment that chapters opening later count their days from.
    """
    now = utcnow()
    chapters: dict[uuid.UUID, tuple[str, int, datetime | None]] = {}
    lessons: dict[uuid.UUID, list[LessonView]] = {}
    for row in db.session.execute(_statement(course_id, user_id)):
        section_id, section_title, days, lesson_id, title, kind, seconds, is_preview, done = row
        opens_at = drips_from + timedelta(days=days) if drips_from else None
        later = opens_at if opens_at is not None and opens_at > now else None
        chapters[section_id] = (section_title, days, later)
        chapter = lessons.setdefault(section_id, [])
        if lesson_id is not None:
            waits = later is not None and not is_preview
            is_locked = waits or not (unlocks_all or is_preview)
            opens = later if waits else None
            chapter.append(
                LessonView(lesson_id, title, kind, seconds, is_preview, is_locked, done, opens)
            )
    return tuple(
        SectionView(key, title, tuple(lessons[key]), days, later)
        for key, (title, days, later) in chapters.items()
    )


def continue_lesson_id(user_id: UserColumn) -> ScalarSelect[uuid.UUID]:
    """Return the lesson to open next in the statement's Course and (outer joined) Enrollment.

    The last one watched if it is unfinished, else the first unfinished after it, else the first
    unfinished, those of open chapters first; where all are complete, the last one watched or the
    first. Takes the parameter `now`.
    """
    section, last, last_section = aliased(Section), aliased(Lesson), aliased(Section)
    is_after = tuple_(section.position, Lesson.position) > tuple_(
        last_section.position, last.position
    )
    is_open = Enrollment.created_at + section.opens_after_days * DAY <= NOW
    return (
        select(Lesson.id)
        .join(section, section.id == Lesson.section_id)
        .outerjoin(
            LessonProgress,
            and_(LessonProgress.lesson_id == Lesson.id, LessonProgress.user_id == user_id),
        )
        .outerjoin(last, last.id == Enrollment.last_lesson_id)
        .outerjoin(last_section, last_section.id == last.section_id)
        .where(Lesson.course_id == Course.id)
        .order_by(
            LessonProgress.completed_at.is_(None).desc(),
            func.coalesce(or_(Lesson.is_preview, is_open), True).desc(),
            (Lesson.id == last.id).desc().nulls_last(),
            is_after.desc().nulls_last(),
            section.position,
            Lesson.position,
        )
        .limit(1)
        .correlate(Course, Enrollment)
        .scalar_subquery()
    )
