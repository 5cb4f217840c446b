"""Brings in the demo's shelves and courses with their sections and lessons."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import select

from app.clock import utcnow
from app.database import db
from app.demo.content import CategoryContent, CourseContent, LessonContent
from app.domain.accounts.models import User
from app.domain.courses.models import (
    Category,
    Course,
    CourseStatus,
    Lesson,
    LessonKind,
    Section,
)
from app.domain.videos.models import Video

WRITING_DAYS = 20


def add_categories(contents: Sequence[CategoryContent]) -> None:
    """Add the shelves that are missing."""
    known = set(db.session.scalars(select(Category.slug)))
    for position, content in enumerate(contents, start=1):
        if content.slug not in known:
            db.session.add(Category(id=uuid.uuid4(), position=position, **content.model_dump()))
    db.session.flush()


def add_courses(
    contents: Sequence[CourseContent],
    instructors: Mapping[str, User],
    videos: Mapping[str, Video],
) -> list[Course]:
    """Add the courses that are missing and return only those, their lessons loaded."""
    known = set(db.session.scalars(select(Course.slug)))
    missing = [content for content in contents if content.slug not in known]
    if not missing:
        return []
    categories = {category.slug: category for category in db.session.scalars(select(Category))}
    courses = []
    for content in missing:
        course = _course(content, categories[content.category], instructors[content.instructor])
        _add_sections(course, content, videos)
        db.session.add(course)
        courses.append(course)
    db.session.flush()
    return courses


def _course(content: CourseContent, category: Category, instructor: User) -> Course:
    published_at = utcnow() - timedelta(days=content.published_days_ago)
    return Course(
        id=uuid.uuid4(),
        slug=content.slug,
        title=content.title,
        pitch=content.pitch,
        description=content.description.strip(),
        category_id=category.id,
        instructor_id=instructor.id,
        level=content.level,
        language=content.language,
        status=content.status,
        enrollment_policy=content.enrollment_policy,
        price_minor=content.price_minor,
        currency=content.currency,
        outcomes=list(content.outcomes),
        requirements=list(content.requirements),
        lesson_count=len(content.lessons),
        duration_seconds=sum(lesson.duration_seconds for lesson in content.lessons),
        published_at=None if content.status is CourseStatus.DRAFT else published_at,
        created_at=published_at - timedelta(days=WRITING_DAYS),
        updated_at=published_at,
    )


def _add_sections(course: Course, content: CourseContent, videos: Mapping[str, Video]) -> None:
    course.sections = []
    for position, part in enumerate(content.sections, start=1):
        section = Section(
            id=uuid.uuid4(),
            course_id=course.id,
            title=part.title,
            position=position,
            opens_after_days=part.opens_after_days,
        )
        section.lessons = [
            _lesson(section, lesson, number, videos)
            for number, lesson in enumerate(part.lessons, start=1)
        ]
        course.sections.append(section)


def _lesson(
    section: Section, content: LessonContent, position: int, videos: Mapping[str, Video]
) -> Lesson:
    video = videos[content.video] if content.video else None
    return Lesson(
        id=uuid.uuid4(),
        section_id=section.id,
        course_id=section.course_id,
        title=content.title,
        kind=LessonKind.VIDEO if video else LessonKind.TEXT,
        position=position,
        duration_seconds=content.duration_seconds,
        is_preview=content.is_preview,
        body=content.body.strip(),
        video_id=video.id if video else None,
    )
