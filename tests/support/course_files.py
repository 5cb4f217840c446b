"""Covers and files of courses, stored as their makers would have stored them."""

import hashlib
import io
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from app.current import integrations
from app.database import db
from app.domain.courses import cover_images
from app.domain.courses.file_kinds import type_of
from app.domain.courses.file_models import CourseFile
from app.domain.courses.models import Course, Lesson, LessonKind

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def picture(size: tuple[int, int] = (1600, 900), kind: str = "JPEG") -> bytes:
    """Return a picture in one colour."""
    held = io.BytesIO()
    Image.new("RGB", size, "teal").save(held, kind)
    return held.getvalue()


def make_cover(course: Course) -> uuid.UUID:
    """Give `course` a cover that was really drawn."""
    cover_id = uuid.uuid4()
    with TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        source.write_bytes(picture())
        cover_images.store(source, course.id, cover_id)
    course.cover_id = cover_id
    db.session.commit()
    return cover_id


def make_file(
    lesson: Lesson, filename: str = "notes.txt", content: bytes = b"Notes.", **values: Any
) -> CourseFile:
    """Add a resource to `lesson`."""
    file_id = uuid.uuid4()
    key = f"files/{file_id}/source"
    integrations.storage.put_bytes(key, content, "application/octet-stream")
    defaults = {
        "content_type": type_of(filename),
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "storage_key": key,
        "position": 1,
    }
    ids = {"id": file_id, "course_id": lesson.course_id, "lesson_id": lesson.id}
    file = CourseFile(filename=filename, **ids, **{**defaults, **values})
    db.session.add(file)
    db.session.commit()
    return file


def make_document(lesson: Lesson, filename: str = "reader.pdf") -> CourseFile:
    """Make `lesson` a PDF lesson with a document."""
    file = make_file(lesson, filename, PDF, position=0)
    lesson.kind, lesson.document_id = LessonKind.PDF, file.id
    db.session.commit()
    return file
