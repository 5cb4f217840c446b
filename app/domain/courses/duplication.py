"""Copies of courses: the words, the outline and the media, without learners or their progress."""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.current import integrations
from app.database import db
from app.domain.accounts.models import Role
from app.domain.courses import cover_images
from app.domain.courses.authoring import recount
from app.domain.courses.charge import Maker, course_in_charge
from app.domain.courses.course_edits import add
from app.domain.courses.course_fields import MAX_TITLE
from app.domain.courses.file_models import CourseFile
from app.domain.courses.models import Course, Lesson, Section
from app.errors import NotFound
from app.integrations.images import VARIANT_TYPE

COPIED_COURSE = (
    "pitch", "description", "category_id", "level", "language", "price_minor", "currency",
    "outcomes", "requirements", "enrollment_policy", "has_certificate", "has_discussion",
    "seat_limit",
)  # fmt: skip
COPIED_SECTION = ("title", "position", "opens_after_days")
COPIED_LESSON = (
    "title", "kind", "position", "duration_seconds", "is_preview", "body", "video_id",
    "incoming_video_id",
)  # fmt: skip
COPIED_FILE = (
    "filename", "content_type", "size_bytes", "sha256", "storage_key", "position",
    "uploaded_by_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CopiedCover:
    """The copy's id, under which its cover is stored, and the cover's; None: it is drawn."""

    course_id: uuid.UUID
    cover_id: uuid.UUID | None


def copy_cover(course_id: uuid.UUID, cover_id: uuid.UUID | None) -> CopiedCover:
    """Store the course's cover once more, for a copy that is made next.

    Talks to the storage, so no transaction should be open. Raises StorageFull, StorageUnavailable.
    """
    copy = CopiedCover(uuid.uuid4(), uuid.uuid4() if cover_id else None)
    if cover_id is None or copy.cover_id is None:
        return copy
    try:
        for width in cover_images.WIDTHS:
            with integrations.storage.open(cover_images.key_of(course_id, cover_id, width)) as file:
                picture = file.read()
            key = cover_images.key_of(copy.course_id, copy.cover_id, width)
            integrations.storage.put_bytes(key, picture, VARIANT_TYPE)
    except NotFound:  # replaced just now
        return CopiedCover(copy.course_id, None)
    return copy


def duplicate(maker: Maker, course_id: uuid.UUID, cover: CopiedCover) -> Course:
    """Add a draft that is a copy of a course; videos and files are shared, not stored twice.

    An instructor's copy is theirs, an administrator's stays with the course's instructor. Raises
    NotFound, Forbidden.
    """
    # Locked, so that nobody reorders or deletes halves of what is being read.
    source = course_in_charge(maker, course_id, lock=True)
    values = _values(source, COPIED_COURSE)
    values |= {"id": cover.course_id, "cover_id": cover.cover_id}
    values["title"] = f"{source.title[: MAX_TITLE - 7]} (copy)"
    owner_id = maker.id if maker.role is Role.INSTRUCTOR else source.instructor_id
    copy = add(values, owner_id)
    sections = _copy_sections(source.id, copy.id)
    lessons = _copy_lessons(source.id, copy.id, sections)
    _copy_files(source.id, copy.id, lessons)
    recount(copy.id)
    db.session.refresh(copy)
    return copy


def _copy_sections(source_id: uuid.UUID, copy_id: uuid.UUID) -> dict[uuid.UUID, uuid.UUID]:
    """Return the new sections' ids by those they were copied from."""
    ids: dict[uuid.UUID, uuid.UUID] = {}
    for section in db.session.scalars(select(Section).where(Section.course_id == source_id)):
        ids[section.id] = uuid.uuid4()
        values = _values(section, COPIED_SECTION)
        db.session.add(Section(id=ids[section.id], course_id=copy_id, **values))
    db.session.flush()
    return ids


def _copy_lessons(
    source_id: uuid.UUID, copy_id: uuid.UUID, sections: dict[uuid.UUID, uuid.UUID]
) -> dict[uuid.UUID, Lesson]:
    """Return the new lessons by the ids of those they were copied from."""
    copies: dict[uuid.UUID, Lesson] = {}
    for lesson in db.session.scalars(select(Lesson).where(Lesson.course_id == source_id)):
        copies[lesson.id] = Lesson(
            id=uuid.uuid4(),
            course_id=copy_id,
            section_id=sections[lesson.section_id],
            **_values(lesson, COPIED_LESSON),
        )
    db.session.add_all(copies.values())
    db.session.flush()
    return copies


def _copy_files(source_id: uuid.UUID, copy_id: uuid.UUID, lessons: dict[uuid.UUID, Lesson]) -> None:
    found = select(Lesson.document_id).where(Lesson.course_id == source_id)
    documents = set(db.session.scalars(found.where(Lesson.document_id.is_not(None))))
    for file in db.session.scalars(select(CourseFile).where(CourseFile.course_id == source_id)):
        lesson = lessons[file.lesson_id]
        values = _values(file, COPIED_FILE)
        copy = CourseFile(id=uuid.uuid4(), course_id=copy_id, lesson_id=lesson.id, **values)
        db.session.add(copy)
        db.session.flush()
        if file.id in documents:
            lesson.document_id = copy.id
    db.session.flush()


def _values(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
