"""Packs a course into an archive: first what it is made of is read, then, slowly, the files."""

import hashlib
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from sqlalchemy import select

from app.clock import utcnow
from app.current import integrations
from app.database import db
from app.domain.courses import cover_images
from app.domain.courses.archive_format import (
    COVER,
    FORMAT,
    MANIFEST,
    VERSION,
    ArchivedCaptions,
    ArchivedCourse,
    ArchivedEntry,
    ArchivedFile,
    ArchivedLesson,
    ArchivedPrice,
    ArchivedSection,
    ArchivedVideo,
    Manifest,
)
from app.domain.courses.file_models import CourseFile
from app.domain.courses.models import Category, Course, Lesson, Section
from app.domain.videos.models import CaptionTrack, Video
from app.errors import FileRefused, NotFound

CHUNK_BYTES = 1024**2
_EARLIEST = (1980, 1, 1, 0, 0, 0)

Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored object that goes into the archive at `path`, and what people call it."""

    path: str
    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that goes into an archive, before any of it is read from storage."""

    course: ArchivedCourse
    sections: tuple[ArchivedSection, ...]
    videos: tuple[ArchivedVideo, ...]
    stored: tuple[Stored, ...]
    texts: dict[str, bytes]
    total_bytes: int


def plan(course_id: uuid.UUID) -> Plan:
    """Read what a course is made of. Raises NotFound when it is gone."""
    course = db.session.get(Course, course_id, populate_existing=True)
    if course is None:
        raise NotFound("The course was deleted meanwhile.")
    sections = _rows(select(Section).where(Section.course_id == course_id), Section.position)
    lessons = _rows(select(Lesson).where(Lesson.course_id == course_id), Lesson.position)
    files = _rows(select(CourseFile).where(CourseFile.course_id == course_id), CourseFile.position)
    packed = _Packing(lessons, files)
    if course.cover_id is not None:
        key = cover_images.key_of(course.id, course.cover_id, max(cover_images.WIDTHS))
        packed.stored.append(Stored(COVER, key, "cover"))
    archived = tuple(
        ArchivedSection(
            title=section.title,
            opens_after_days=section.opens_after_days,
            lessons=tuple(
                packed.lesson(lesson) for lesson in lessons if lesson.section_id == section.id
            ),
        )
        for section in sections
    )
    return Plan(
        course=_course(course),
        sections=archived,
        videos=tuple(packed.videos),
        stored=tuple(packed.stored),
        texts=packed.texts,
        total_bytes=packed.total_bytes,
    )


def write(planned: Plan, target: Path, tell: Tell) -> None:
    """Write the archive to `target`; `tell` hears of each chunk's length.

    Takes as long as the media are large, in constant memory. Raises FileRefused where a source is
    gone, OSError when the disk is full, StorageUnavailable.
    """
    entries: list[ArchivedEntry] = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path, content in planned.texts.items():
            digest = hashlib.sha256(content).hexdigest()
            entries.append(ArchivedEntry(path=path, size_bytes=len(content), sha256=digest))
            archive.writestr(_info(path, zipfile.ZIP_DEFLATED), content)
        for item in planned.stored:
            try:
                with integrations.storage.open(item.key) as source:
                    entries.append(_pack(archive, item.path, source, tell))
            except NotFound as error:
                raise FileRefused(f"The file of “{item.name}” is not in storage.") from error
        manifest = Manifest(
            format=FORMAT,
            version=VERSION,
            made_at=utcnow().isoformat(timespec="seconds"),
            course=planned.course,
            sections=planned.sections,
            videos=planned.videos,
            entries=tuple(entries),
        )
        text = manifest.model_dump_json(indent=1).encode()
        archive.writestr(_info(MANIFEST, zipfile.ZIP_DEFLATED), text)


class _Packing:
    """Numbers the files of a course as its lessons name them."""

    def __init__(self, lessons: list[Any], files: list[Any]) -> None:
        self.videos: list[ArchivedVideo] = []
        self.stored: list[Stored] = []
        self.texts: dict[str, bytes] = {}
        self.total_bytes = 0
        self._numbers: dict[uuid.UUID, int] = {}
        self._files = files
        ids = {lesson.video_id for lesson in lessons} - {None}
        self._videos = {
            video.id: video for video in db.session.scalars(select(Video).where(Video.id.in_(ids)))
        }
        tracks = select(CaptionTrack).where(CaptionTrack.video_id.in_(ids))
        self._captions = list(db.session.scalars(tracks.order_by(CaptionTrack.language)))

    def lesson(self, lesson: Lesson) -> ArchivedLesson:
        """Return a lesson with its files numbered."""
        own = [file for file in self._files if file.lesson_id == lesson.id]
        document = next((file for file in own if file.id == lesson.document_id), None)
        return ArchivedLesson(
            title=lesson.title,
            kind=lesson.kind,
            is_preview=lesson.is_preview,
            duration_seconds=0 if lesson.video_id else lesson.duration_seconds,
            body=lesson.body,
            video=self._video(lesson.video_id) if lesson.video_id else None,
            document=self._file(document) if document else None,
            files=tuple(self._file(file) for file in own if file is not document),
        )

    def _file(self, file: CourseFile) -> ArchivedFile:
        path = f"files/{len(self.stored)}"
        self.stored.append(Stored(path, file.storage_key, file.filename))
        self.total_bytes += file.size_bytes
        return ArchivedFile(filename=file.filename, path=path)

    def _video(self, video_id: uuid.UUID) -> int:
        """Return the number of a video; lessons that show the same one share it."""
        if video_id in self._numbers:
            return self._numbers[video_id]
        number = self._numbers[video_id] = len(self.videos)
        video = self._videos[video_id]
        path = f"videos/{number}{PurePosixPath(video.source_key).suffix or '.mp4'}"
        self.stored.append(Stored(path, video.source_key, video.title))
        self.total_bytes += video.source_bytes
        captions = [track for track in self._captions if track.video_id == video_id]
        archived = []
        for track in captions:
            text = f"captions/{number}.{track.language}.vtt"
            self.texts[text] = track.webvtt.encode()
            archived.append(ArchivedCaptions(language=track.language, label=track.label, path=text))
        self.videos.append(ArchivedVideo(title=video.title, path=path, captions=tuple(archived)))
        return number


def _course(course: Course) -> ArchivedCourse:
    category = db.session.get_one(Category, course.category_id)
    return ArchivedCourse(
        title=course.title,
        pitch=course.pitch,
        description=course.description,
        category=category.slug,
        level=course.level,
        language=course.language,
        price=ArchivedPrice(amount_minor=course.price_minor, currency=course.currency),
        outcomes=tuple(course.outcomes),
        requirements=tuple(course.requirements),
        enrollment_policy=course.enrollment_policy,
        has_certificate=course.has_certificate,
        has_discussion=course.has_discussion,
        seat_limit=course.seat_limit,
        has_cover=course.cover_id is not None,
    )


def _pack(archive: zipfile.ZipFile, path: str, source: BinaryIO, tell: Tell) -> ArchivedEntry:
    digest, size = hashlib.sha256(), 0
    with archive.open(_info(path, zipfile.ZIP_STORED), "w", force_zip64=True) as target:
        while chunk := source.read(CHUNK_BYTES):
            target.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            tell(len(chunk))
    return ArchivedEntry(path=path, size_bytes=size, sha256=digest.hexdigest())


def _info(path: str, method: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, max(utcnow().timetuple()[:6], _EARLIEST))
    info.compress_type = method
    info.external_attr = 0o644 << 16
    return info


def _rows(statement: Any, order: Any) -> list[Any]:
    return list(
        db.session.scalars(statement.order_by(order).execution_options(populate_existing=True))
    )
