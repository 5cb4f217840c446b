"""A course as its makers see it: everything the builder and the JSON of making show, in one read.

Four statements, whatever the size of the course.
"""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import func, select

from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.built import (
    BuiltCourse,
    BuiltLesson,
    BuiltSection,
    FileView,
    MediaState,
    Versions,
)
from app.domain.courses.charge import Maker, course_in_charge
from app.domain.courses.file_models import CourseFile
from app.domain.courses.models import Category, Course, Lesson, Section
from app.domain.videos.models import Video
from app.domain.videos.overview import ERROR_TAIL_LENGTH

# The columns are CourseFacts' fields, by name.
FACTS = (
    select(
        Course.id,
        Course.slug,
        Course.title,
        Course.pitch,
        Course.category_id,
        Category.slug.label("category_slug"),
        Category.name.label("category_name"),
        Category.hue,
        Course.instructor_id,
        User.name.label("instructor_name"),
        Course.level,
        Course.language,
        Course.status,
        Course.price_minor,
        Course.currency,
        Course.outcomes,
        Course.requirements,
        Course.enrollment_policy,
        Course.has_certificate,
        Course.has_discussion,
        Course.seat_limit,
        Course.cover_id,
        Course.version,
        Course.outline_version,
        Course.lesson_count,
        Course.duration_seconds,
        Course.learner_count,
        Course.created_at,
        Course.updated_at,
        Course.published_at,
    )
    .select_from(Course)
    .join(Category, Category.id == Course.category_id)
    .join(User, User.id == Course.instructor_id)
)


def get_builder(maker: Maker, course_id: uuid.UUID) -> BuiltCourse:
    """Return a course with its outline, files and media. Raises NotFound, Forbidden."""
    return read(course_in_charge(maker, course_id).id)


def get_versions(maker: Maker, course_id: uuid.UUID) -> Versions:
    """Return the versions of a course and of all in it. Raises NotFound, Forbidden."""
    course = course_in_charge(maker, course_id)
    sections = select(Section.id, Section.version).where(Section.course_id == course_id)
    lessons = select(Lesson.id, Lesson.version).where(Lesson.course_id == course_id)
    return Versions(
        course.version,
        course.outline_version,
        {row[0]: row[1] for row in db.session.execute(sections)},
        {row[0]: row[1] for row in db.session.execute(lessons)},
    )


def read(course_id: uuid.UUID) -> BuiltCourse:
    """Return a course as its makers see it; the caller has checked that it may be seen."""
    statement = FACTS.add_columns(Course.description).where(Course.id == course_id)
    row = db.session.execute(statement).one()
    return BuiltCourse(**row._asdict(), sections=_sections(course_id))


def _sections(course_id: uuid.UUID) -> tuple[BuiltSection, ...]:
    sections = db.session.scalars(
        select(Section).where(Section.course_id == course_id).order_by(Section.position)
    ).all()
    lessons = db.session.scalars(
        select(Lesson).where(Lesson.course_id == course_id).order_by(Lesson.position)
    ).all()
    media = _media(lessons)
    files = _files(course_id)
    built: dict[uuid.UUID, list[BuiltLesson]] = {section.id: [] for section in sections}
    for lesson in lessons:
        built[lesson.section_id].append(_lesson(lesson, media, files.get(lesson.id, [])))
    return tuple(
        BuiltSection(
            section.id,
            section.course_id,
            section.title,
            section.position,
            section.opens_after_days,
            section.version,
            tuple(built[section.id]),
        )
        for section in sections
    )


def _lesson(
    lesson: Lesson, media: Mapping[uuid.UUID, MediaState], files: list[FileView]
) -> BuiltLesson:
    incoming = lesson.incoming_video_id
    return BuiltLesson(
        id=lesson.id,
        course_id=lesson.course_id,
        section_id=lesson.section_id,
        title=lesson.title,
        kind=lesson.kind,
        position=lesson.position,
        is_preview=lesson.is_preview,
        duration_seconds=lesson.duration_seconds,
        body=lesson.body,
        version=lesson.version,
        updated_at=lesson.updated_at,
        video=media.get(lesson.video_id) if lesson.video_id else None,
        incoming_video=media.get(incoming) if incoming else None,
        document=next((file for file in files if file.id == lesson.document_id), None),
        files=tuple(file for file in files if file.id != lesson.document_id),
    )


def _media(lessons: Iterable[Lesson]) -> dict[uuid.UUID, MediaState]:
    shown = {video for lesson in lessons for video in (lesson.video_id, lesson.incoming_video_id)}
    rows: Iterable[Any] = db.session.execute(
        select(
            Video.id,
            Video.title,
            Video.status,
            Video.stage,
            Video.progress_percent,
            Video.seconds_left,
            Video.generation.is_not(None),
            Video.is_complete,
            Video.error_code,
            func.right(Video.error_detail, ERROR_TAIL_LENGTH),
        ).where(Video.id.in_(shown - {None}))
    )
    return {row[0]: MediaState(*row) for row in rows}


def _files(course_id: uuid.UUID) -> dict[uuid.UUID, list[FileView]]:
    rows: Iterable[Any] = db.session.execute(
        select(
            CourseFile.id,
            CourseFile.lesson_id,
            CourseFile.filename,
            CourseFile.content_type,
            CourseFile.size_bytes,
        )
        .where(CourseFile.course_id == course_id)
        .order_by(CourseFile.position, CourseFile.created_at)
    )
    files: dict[uuid.UUID, list[FileView]] = {}
    for row in rows:
        files.setdefault(row.lesson_id, []).append(FileView(*row))
    return files
