"""Gives the demo's courses what their makers would have uploaded: covers, a PDF, a resource."""

import hashlib
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from app.current import integrations
from app.database import db
from app.demo.content import FILES, CourseContent, LessonContent
from app.domain.courses import cover_images, files
from app.domain.courses.file_kinds import type_of
from app.domain.courses.file_models import CourseFile
from app.domain.courses.models import Course, Lesson, LessonKind


def add_handouts(contents: Sequence[CourseContent], courses: Sequence[Course]) -> None:
    """Store and attach the files of `courses` (new ones, sections loaded)."""
    by_slug = {content.slug: content for content in contents}
    for course in courses:
        content = by_slug[course.slug]
        if content.cover is not None:
            course.cover_id = _add_cover(course, FILES / content.cover)
        lessons = [lesson for section in course.sections for lesson in section.lessons]
        for lesson, wanted in zip(lessons, content.lessons, strict=True):
            _add_files(course, lesson, wanted)
    db.session.flush()


def _add_cover(course: Course, picture: Path) -> uuid.UUID:
    cover_id = uuid.uuid4()
    with TemporaryDirectory() as folder:
        source = Path(folder) / picture.name
        shutil.copyfile(picture, source)
        cover_images.store(source, course.id, cover_id)
    return cover_id


def _add_files(course: Course, lesson: Lesson, wanted: LessonContent) -> None:
    made = list(_made(course, lesson, wanted))
    db.session.add_all(made)
    db.session.flush()
    if wanted.document is not None:
        lesson.kind, lesson.document_id = LessonKind.PDF, made[0].id


def _made(course: Course, lesson: Lesson, wanted: LessonContent) -> Iterator[CourseFile]:
    names = [*([wanted.document] if wanted.document else []), *wanted.files]
    for position, name in enumerate(names, start=0 if wanted.document else 1):
        path, file_id = FILES / name, uuid.uuid4()
        content = path.read_bytes()
        key = f"{files.FOLDER}/{file_id}/source"
        integrations.storage.put_bytes(key, content, "application/octet-stream")
        yield CourseFile(
            id=file_id,
            course_id=course.id,
            lesson_id=lesson.id,
            filename=name,
            content_type=type_of(name),
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            storage_key=key,
            position=position,
            uploaded_by_id=course.instructor_id,
        )
