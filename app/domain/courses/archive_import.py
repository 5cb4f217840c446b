"""Makes a draft of an archive: first its files go into storage, then, in one commit, the rows.

Ids follow from the transfer's, so that a second attempt writes over what the first one left.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy import select

from app.current import integrations
from app.database import db
from app.domain.accounts.models import User
from app.domain.courses import course_edits, cover_images
from app.domain.courses.archive_format import COVER, ArchivedFile, ArchivedLesson, Manifest
from app.domain.courses.archive_reading import Archive, Tell
from app.domain.courses.authoring import recount
from app.domain.courses.charge import require_maker
from app.domain.courses.course_fields import CourseChanges, columns_of
from app.domain.courses.file_kinds import PDF, clean_name, require_pdf, type_of
from app.domain.courses.file_models import CourseFile
from app.domain.courses.files import FOLDER as FILES
from app.domain.courses.lesson_fields import lesson_columns, section_columns
from app.domain.courses.models import Category, Course, Lesson, LessonKind, Section
from app.domain.videos import captions, ingest
from app.domain.videos.models import Video
from app.errors import FileRefused, InvalidInput
from app.integrations.containers import EXTENSIONS, sniff

SOURCES = "sources"


@dataclass(frozen=True, slots=True)
class Arrived:
    """What of an archive lies in storage: keys, sizes and digests by path; captions as text."""

    transfer_id: uuid.UUID
    keys: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)

    def id_of(self, path: str) -> uuid.UUID:
        """Return the id of what becomes of a path."""
        return uuid.uuid5(self.transfer_id, path)

    @property
    def course_id(self) -> uuid.UUID:
        """Return the id of the course to be."""
        return self.id_of("course")


def unpack(archive: Archive, arrived: Arrived, scratch: Path, tell: Tell) -> None:
    """Bring the archive's files into storage, one at a time, and note them in `arrived`.

    Raises FileRefused, StorageFull, StorageUnavailable. What arrived until then is in `folders`.
    """
    documents = {
        lesson.document.path for lesson in archive.manifest.lessons if lesson.document is not None
    }
    for number, entry in enumerate(archive.manifest.entries):
        folder = scratch / str(number)
        folder.mkdir()
        target = folder / "file"
        archive.unpack(entry.path, target, tell)
        _keep(entry.path, target, arrived, is_document=entry.path in documents)
        target.unlink()
        arrived.sizes[entry.path] = entry.size_bytes
        arrived.digests[entry.path] = entry.sha256


def discard(arrived: Arrived) -> None:
    """Remove what arrived of an archive of which no course came."""
    for folder in arrived.folders:
        integrations.storage.delete_prefix(folder)


def add_course(maker: User, manifest: Manifest, arrived: Arrived) -> Course:
    """Add a draft of `maker`'s from what arrived, and queue its transcodes.

    Raises Forbidden, and FileRefused where a field holds what no course may.
    """
    require_maker(maker)
    try:
        course = course_edits.add(
            {**_columns(manifest), "id": arrived.course_id}, instructor_id=maker.id
        )
        if manifest.course.has_cover:
            course.cover_id = arrived.id_of(COVER)
        videos = [_add_video(video, maker, arrived) for video in manifest.videos]
        _add_sections(course, manifest, videos, maker, arrived)
    except InvalidInput as error:
        name, remedy = next(iter(error.fields.items()))
        raise FileRefused(f"The archive's course cannot be used: {name}: {remedy}") from error
    recount(course.id)
    db.session.refresh(course)
    return course


def _keep(path: str, file: Path, arrived: Arrived, *, is_document: bool) -> None:
    if path.startswith("captions/"):
        arrived.texts[path] = file.read_text("utf-8", "replace")
        return
    owner = arrived.id_of(path)
    if path == COVER:
        arrived.folders.append(cover_images.folder_of(arrived.course_id, owner))
        cover_images.store(file, arrived.course_id, owner)
        return
    if path.startswith("videos/"):
        container = sniff(file)
        if container is None:
            raise FileRefused(f"{path} in the archive is no MP4, MOV, MKV, WebM or AVI video.")
        key = f"{SOURCES}/{owner}/source{EXTENSIONS[container]}"
    else:
        if is_document:
            with file.open("rb") as opened:
                require_pdf(opened)
        key = f"{FILES}/{owner}/source"
    arrived.folders.append(str(PurePosixPath(key).parent))
    integrations.storage.put_file(key, file, "application/octet-stream")
    arrived.keys[path] = key


def _columns(manifest: Manifest) -> dict[str, Any]:
    given = manifest.course
    category_id = db.session.scalar(
        select(Category.id)
        .order_by((Category.slug == given.category).desc(), Category.position, Category.name)
        .limit(1)
    )
    if category_id is None:
        raise InvalidInput({"category": "Make a category first."})
    changes: CourseChanges = {
        "title": given.title,
        "pitch": given.pitch,
        "description": given.description,
        "category_id": category_id,
        "level": given.level,
        "language": given.language,
        "price": {
            "amount_minor": given.price.amount_minor,
            "currency": given.price.currency,
        },
        "outcomes": list(given.outcomes),
        "requirements": list(given.requirements),
        "enrollment_policy": given.enrollment_policy,
        "has_certificate": given.has_certificate,
        "has_discussion": given.has_discussion,
        "seat_limit": given.seat_limit,
    }
    return columns_of(changes)


def _add_video(archived: Any, maker: User, arrived: Arrived) -> Video:
    path = archived.path
    title = " ".join(archived.title.split())[:200] or "Video"
    video = ingest.add_stored(
        arrived.keys[path], title, arrived.sizes[path], maker, arrived.digests[path]
    )
    for track in archived.captions:
        captions.add(video, track.language, track.label, arrived.texts[track.path])
    return video


def _add_sections(
    course: Course, manifest: Manifest, videos: list[Video], maker: User, arrived: Arrived
) -> None:
    for place, part in enumerate(manifest.sections, start=1):
        columns = section_columns({"title": part.title, "opens_after_days": part.opens_after_days})
        section = Section(id=uuid.uuid4(), course_id=course.id, position=place, **columns)
        db.session.add(section)
        db.session.flush()
        for position, archived in enumerate(part.lessons, start=1):
            lesson = _lesson(archived, section, position, videos)
            db.session.add(lesson)
            db.session.flush()
            for file in _files(archived, lesson, maker, arrived):
                db.session.add(file)
            db.session.flush()
            if archived.document is not None:
                lesson.document_id = arrived.id_of(archived.document.path)
    db.session.flush()


def _lesson(
    archived: ArchivedLesson, section: Section, position: int, videos: list[Video]
) -> Lesson:
    is_video, is_pdf = archived.video is not None, archived.document is not None
    if is_video and archived.kind is not LessonKind.VIDEO:
        raise InvalidInput({"kind": "Only video lessons show a video."})
    if is_pdf and archived.kind is not LessonKind.PDF:
        raise InvalidInput({"kind": "Only PDF lessons show a document."})
    columns = lesson_columns(
        {
            "title": archived.title,
            "kind": archived.kind,
            "body": archived.body,
            "is_preview": archived.is_preview,
        }
    )
    return Lesson(
        id=uuid.uuid4(),
        section_id=section.id,
        course_id=section.course_id,
        position=position,
        duration_seconds=0 if is_video else archived.duration_seconds,
        video_id=videos[archived.video].id if archived.video is not None else None,
        **columns,
    )


def _files(
    archived: ArchivedLesson, lesson: Lesson, maker: User, arrived: Arrived
) -> Iterator[CourseFile]:
    named: list[ArchivedFile] = [
        *([archived.document] if archived.document else []),
        *archived.files,
    ]
    first = 0 if archived.document else 1
    for position, file in enumerate(named, start=first):
        name = clean_name(file.filename)
        is_document = file is archived.document
        yield CourseFile(
            id=arrived.id_of(file.path),
            course_id=lesson.course_id,
            lesson_id=lesson.id,
            filename=name,
            content_type=PDF if is_document else type_of(name),
            size_bytes=arrived.sizes[file.path],
            sha256=arrived.digests[file.path],
            storage_key=arrived.keys[file.path],
            position=position,
            uploaded_by_id=maker.id,
        )
