"""Courses in the making as JSON, for programs and for the builder's own modules."""

from flask import url_for

from app.domain.courses.built import (
    BuiltCourse,
    BuiltLesson,
    BuiltSection,
    CourseFacts,
    FileView,
    MediaState,
)

View = dict[str, object]
COVER_WIDTH = 640


def course_view(course: BuiltCourse) -> View:
    """Return a course with all that is in it."""
    sections = [section_view(course, section) for section in course.sections]
    return {**row_view(course), "description": course.description, "sections": sections}


def row_view(course: CourseFacts) -> View:
    """Return a course as a list has it."""
    return {
        "id": course.id,
        "slug": course.slug,
        "title": course.title,
        "pitch": course.pitch,
        "category": {
            "id": course.category_id,
            "slug": course.category_slug,
            "name": course.category_name,
            "hue": course.hue,
        },
        "instructor": {"id": course.instructor_id, "name": course.instructor_name},
        "level": course.level.value,
        "language": course.language,
        "status": course.status.value,
        "price": {"amount_minor": course.price_minor, "currency": course.currency},
        "outcomes": course.outcomes,
        "requirements": course.requirements,
        "enrollment_policy": course.enrollment_policy.value,
        "has_certificate": course.has_certificate,
        "has_discussion": course.has_discussion,
        "seat_limit": course.seat_limit,
        "cover": _cover_view(course),
        "version": course.version,
        "outline_version": course.outline_version,
        "lesson_count": course.lesson_count,
        "duration_seconds": course.duration_seconds,
        "learner_count": course.learner_count,
        "created_at": course.created_at,
        "updated_at": course.updated_at,
        "published_at": course.published_at,
    }


def section_view(course: BuiltCourse, section: BuiltSection) -> View:
    """Return a section with its lessons."""
    return {
        "id": section.id,
        "course_id": section.course_id,
        "title": section.title,
        "position": section.position,
        "opens_after_days": section.opens_after_days,
        "version": section.version,
        "lessons": [lesson_view(course, lesson) for lesson in section.lessons],
    }


def lesson_view(course: BuiltCourse, lesson: BuiltLesson) -> View:
    """Return a lesson with the state of what it shows."""
    return {
        "id": lesson.id,
        "course_id": lesson.course_id,
        "section_id": lesson.section_id,
        "title": lesson.title,
        "kind": lesson.kind.value,
        "position": lesson.position,
        "is_preview": lesson.is_preview,
        "duration_seconds": lesson.duration_seconds,
        "body": lesson.body,
        "version": lesson.version,
        "updated_at": lesson.updated_at,
        "video": media_view(lesson.video),
        "incoming_video": media_view(lesson.incoming_video),
        "document": file_view(course.slug, lesson.document) if lesson.document else None,
        "files": [file_view(course.slug, file) for file in lesson.files],
    }


def media_view(media: MediaState | None) -> View | None:
    """Return how far a video is, or nothing where there is none."""
    if media is None:
        return None
    has_error = media.error_code or media.error_detail
    return {
        "id": media.id,
        "title": media.title,
        "status": media.status.value,
        "stage": media.stage,
        "progress_percent": media.progress_percent,
        "seconds_left": media.seconds_left,
        "is_playable": media.is_playable,
        "is_complete": media.is_complete,
        "error": {"code": media.error_code, "detail": media.error_detail} if has_error else None,
    }


def file_view(slug: str, file: FileView) -> View:
    """Return a file of a lesson and where it is opened."""
    return {
        "id": file.id,
        "lesson_id": file.lesson_id,
        "filename": file.filename,
        "content_type": file.content_type,
        "size_bytes": file.size_bytes,
        "url": url_for("courses.lesson_file", slug=slug, lesson_id=file.lesson_id, file_id=file.id),
    }


def _cover_view(course: CourseFacts) -> View | None:
    if course.cover_id is None:
        return None
    url = url_for("courses.cover", course_id=course.id, cover_id=course.cover_id, width=COVER_WIDTH)
    return {"id": course.cover_id, "url": url}
