"""PDF lessons' documents and the resources of lessons: who hands them out, who may have them."""

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy import delete as delete_rows
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from app.clock import utcnow
from app.current import integrations
from app.database import db
from app.domain.accounts.models import Role
from app.domain.courses.access import require_lesson_access
from app.domain.courses.charge import Maker, course_in_charge, lesson_in_charge
from app.domain.courses.file_kinds import PDF, clean_name, require_pdf, type_of
from app.domain.courses.file_models import CourseFile
from app.domain.courses.models import Course, Lesson, LessonKind
from app.domain.courses.public_pages import refresh_pages
from app.errors import InvalidInput, NotFound

FOLDER = "files"
MAX_FILES = 50
MAX_DOCUMENT_BYTES = 200 * 1024**2
MAX_RESOURCE_BYTES = 256 * 1024**2
CHUNK_BYTES = 1024**2


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An object that is whole in storage and about to be handed out."""

    storage_key: str
    filename: str
    content_type: str
    size_bytes: int
    sha256: str
    file_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file of a lesson as learners see it."""

    id: uuid.UUID
    filename: str
    content_type: str
    size_bytes: int


def read_document(storage_key: str, filename: str) -> StoredFile:
    """Return a stored PDF with its digest. Raises FileRefused, NotFound, StorageUnavailable.

    Reads all of it, so no transaction should be open.
    """
    name = clean_name(filename)
    with integrations.storage.open(storage_key) as stored:
        require_pdf(stored)
    if not name.lower().endswith(".pdf"):
        name = clean_name(f"{name}.pdf")
    return _read(storage_key, name, PDF)


def read_resource(storage_key: str, filename: str) -> StoredFile:
    """Return a stored file with its digest. Raises as `read_document` does."""
    name = clean_name(filename)
    return _read(storage_key, name, type_of(name))


def attach_document(
    maker: Maker, lesson_id: uuid.UUID, stored: StoredFile
) -> tuple[CourseFile, list[str]]:
    """Make a PDF what the lesson shows; return it and what to `discard` of the one before.

    Raises NotFound, Forbidden, and InvalidInput where the lesson shows a video.
    """
    lesson = lesson_in_charge(maker, lesson_id, lock=True)
    if lesson.video_id or lesson.incoming_video_id:
        raise InvalidInput({"lesson_id": "Take the video off the lesson first."})
    before = lesson.document_id
    file = _add(maker, lesson, stored, position=0)
    lesson.document_id = file.id
    if lesson.kind is not LessonKind.PDF:
        lesson.kind, lesson.version = LessonKind.PDF, lesson.version + 1
    lesson.updated_at = utcnow()
    db.session.flush()
    refresh_pages(db.session.get_one(Course, lesson.course_id))
    outdated = db.session.scalars(
        delete_rows(CourseFile).where(CourseFile.id == before).returning(CourseFile.storage_key)
    ).all()
    return file, list(outdated)


def attach_resource(maker: Maker, lesson_id: uuid.UUID, stored: StoredFile) -> CourseFile:
    """Add a file to the lesson's resources. Raises NotFound, Forbidden, InvalidInput."""
    lesson = lesson_in_charge(maker, lesson_id, lock=True)
    count, last = db.session.execute(
        select(func.count(), func.coalesce(func.max(CourseFile.position), 0)).where(
            CourseFile.lesson_id == lesson_id
        )
    ).one()
    if count >= MAX_FILES:
        raise InvalidInput({"lesson_id": f"A lesson has at most {MAX_FILES} files."})
    return _add(maker, lesson, stored, position=last + 1)


def list_files(maker: Maker, lesson_id: uuid.UUID) -> list[CourseFile]:
    """List a lesson's document and resources in their order. Raises NotFound, Forbidden."""
    lesson_in_charge(maker, lesson_id)
    found = db.session.scalars(
        select(CourseFile)
        .where(CourseFile.lesson_id == lesson_id)
        .order_by(CourseFile.position, CourseFile.created_at, CourseFile.id)
        .limit(MAX_FILES + 1)
    )
    return list(found)


def file_in_charge(maker: Maker, file_id: uuid.UUID, *, lock: bool = False) -> CourseFile:
    """Return a file of a course that `maker` may change. Raises NotFound, Forbidden."""
    course_id = db.session.scalar(select(CourseFile.course_id).where(CourseFile.id == file_id))
    if course_id is None:
        raise NotFound
    course_in_charge(maker, course_id, lock=lock)
    file = db.session.get(CourseFile, file_id, populate_existing=True)
    if file is None:
        raise NotFound
    return file


def rename(maker: Maker, file_id: uuid.UUID, filename: str) -> CourseFile:
    """Give a file another name; what it is stays. Raises NotFound, Forbidden, FileRefused."""
    file = file_in_charge(maker, file_id, lock=True)
    name = clean_name(filename)
    if file.content_type == PDF and not name.lower().endswith(".pdf"):
        name = clean_name(f"{name}.pdf")
    file.filename = name
    if file.content_type != PDF:
        file.content_type = type_of(name)
    db.session.flush()
    return file


def delete(maker: Maker, file_id: uuid.UUID) -> str:
    """Take a file out of its lesson; return its storage key, for `discard` after the commit.

    Raises NotFound, Forbidden.
    """
    file = file_in_charge(maker, file_id, lock=True)
    key = file.storage_key
    lesson = db.session.get(Lesson, file.lesson_id, populate_existing=True)
    if lesson is not None:
        lesson.updated_at = utcnow()
    db.session.delete(file)
    db.session.flush()
    return key


def discard(keys: Iterable[str]) -> None:
    """Remove the stored objects that no course names any more; for after the commit."""
    for key in set(keys):
        named = db.session.scalar(
            select(CourseFile.id).where(CourseFile.storage_key == key).limit(1)
        )
        if named is None:
            integrations.storage.delete_prefix(key.rsplit("/", 1)[0])


def find_stored(storage_key: str) -> CourseFile:
    """Return the file that a stored object became first. Raises NotFound."""
    file = db.session.scalar(
        select(CourseFile)
        .where(CourseFile.storage_key == storage_key)
        .order_by(CourseFile.created_at)
        .limit(1)
    )
    if file is None:
        raise NotFound("The file was deleted meanwhile.")
    return file


def get_open_file(
    user_id: uuid.UUID, slug: str, lesson_id: uuid.UUID, file_id: uuid.UUID, role: Role | None
) -> CourseFile:
    """Return a file for somebody who may open its lesson now.

    Raises NotFound, EnrollmentRequired, LessonNotOpen.
    """
    access = require_lesson_access(user_id, lesson_id, role)
    file = db.session.get(CourseFile, file_id)
    if file is None or file.lesson_id != lesson_id or access.course_slug != slug:
        raise NotFound
    return file


def files_column() -> ScalarSelect[Any]:
    """Return the files of the statement's Lesson as JSON, for `open_files`; null without any."""
    file = aliased(CourseFile)
    line = func.json_build_array(file.id, file.filename, file.content_type, file.size_bytes)
    return (
        select(func.json_agg(aggregate_order_by(line, file.position, file.id)))
        .where(file.lesson_id == Lesson.id)
        .correlate(Lesson)
        .scalar_subquery()
    )


def open_files(column: Any) -> tuple[OpenFile, ...]:
    """Return what `files_column` found."""
    return tuple(OpenFile(uuid.UUID(line[0]), *line[1:]) for line in column or ())


def _read(storage_key: str, name: str, content_type: str) -> StoredFile:
    digest, size = hashlib.sha256(), 0
    with integrations.storage.open(storage_key) as stored:
        while chunk := stored.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return StoredFile(storage_key, name, content_type, size, digest.hexdigest())


def _add(maker: Maker, lesson: Lesson, stored: StoredFile, position: int) -> CourseFile:
    file = CourseFile(
        id=stored.file_id or uuid.uuid4(),
        course_id=lesson.course_id,
        lesson_id=lesson.id,
        filename=stored.filename,
        content_type=stored.content_type,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        storage_key=stored.storage_key,
        position=position,
        uploaded_by_id=maker.id,
    )
    db.session.add(file)
    db.session.flush()
    return file
