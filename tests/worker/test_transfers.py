"""Courses out into an archive and in again: whole, elsewhere, after trouble, and swept."""

import io
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import shifted
from app.current import integrations
from app.database import db
from app.domain.accounts.models import User, UserStatus
from app.domain.courses import builder, transfers
from app.domain.courses.file_models import CourseFile, CourseTransfer, TransferStatus
from app.domain.courses.models import Course, CourseStatus, Lesson, LessonKind, Section
from app.domain.videos import captions
from app.domain.videos.models import CaptionTrack, Video
from app.errors import InUse, StorageUnavailable
from app.worker import transfers as job
from app.worker.retries import Interrupted, RunAgain
from tests import factories
from tests.support.course_files import PDF, make_cover, make_document, make_file
from tests.support.media import make_source

ARCHIVE_KEY = "arrivals/{}/source"
CAPTIONS = "WEBVTT\n\n00:00.500 --> 00:01.000\nThe warp.\n"


@pytest.fixture(autouse=True)
def _one_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the job in the test's own session; see tests/worker/test_exports.py."""
    monkeypatch.setattr(job, "held", lambda _: nullcontext())
    monkeypatch.setattr(db.session, "remove", lambda: None)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A second of film."""
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    return make_source(path, seconds=1, size="160x90").read_bytes()


@pytest.fixture
def furnished(course: Course, video_lesson: Lesson, text_lesson: Lesson, clip: bytes) -> Course:
    """`course` with a cover, sources, captions, a PDF lesson and a resource."""
    make_cover(course)
    make_document(text_lesson, "ሸማ.pdf")
    make_file(video_lesson, "pattern.zip", b"PK a zip in a zip")
    section = db.session.get_one(Section, text_lesson.section_id)
    section.opens_after_days = 7
    course.price_minor, course.currency = 45_000, "ETB"
    for lesson in db.session.scalars(select(Lesson).where(Lesson.video_id.is_not(None))):
        video = db.session.get_one(Video, lesson.video_id)
        integrations.storage.put_bytes(video.source_key, clip, "video/mp4")
        video.source_bytes = len(clip)
        captions.add(video, "en", "English", CAPTIONS)
    db.session.commit()
    return course


def _never() -> bool:
    return False


def _export(maker: User, course: Course) -> CourseTransfer:
    transfer, _ = transfers.begin_export(maker, course.id)
    db.session.commit()
    job.export_course(transfer.id, _never)
    return db.session.get_one(CourseTransfer, transfer.id, populate_existing=True)


def _archive(transfer: CourseTransfer) -> bytes:
    assert transfer.storage_key
    with integrations.storage.open(transfer.storage_key) as stored:
        return stored.read()


def _import(
    maker: User, archive: bytes, should_stop: Callable[[], bool] = _never
) -> CourseTransfer:
    transfer = transfers.begin_import(maker, "course.zip", "arrivals/none/source", len(archive))
    transfer.storage_key = ARCHIVE_KEY.format(transfer.id)
    integrations.storage.put_bytes(transfer.storage_key, archive, "application/zip")
    db.session.commit()
    job.import_course(transfer.id, should_stop)
    return db.session.get_one(CourseTransfer, transfer.id, populate_existing=True)


def _facts(maker: User, course_id: Any) -> dict[str, Any]:
    """What must survive the journey."""
    built = builder.get_builder(maker, course_id)
    names = (
        "title", "pitch", "description", "category_slug", "level", "language", "price_minor",
        "currency", "outcomes", "requirements", "enrollment_policy", "has_certificate",
        "has_discussion", "seat_limit",
    )  # fmt: skip
    facts: dict[str, Any] = {name: getattr(built, name) for name in names}
    facts["sections"] = [
        (
            section.title,
            section.opens_after_days,
            [
                (
                    lesson.title,
                    lesson.kind,
                    lesson.is_preview,
                    lesson.body,
                    lesson.document and lesson.document.filename,
                    [file.filename for file in lesson.files],
                )
                for lesson in section.lessons
            ],
        )
        for section in built.sections
    ]
    return facts


def test_a_course_comes_back_as_it_went(furnished: Course, instructor: User, clip: bytes) -> None:
    furnished.seat_limit = 25
    db.session.commit()
    exported = _export(instructor, furnished)
    assert exported.status is TransferStatus.READY, exported.error_detail
    archive = _archive(exported)
    assert exported.size_bytes == len(archive)
    colleague = factories.make_user(instructor.role)
    imported = _import(colleague, archive)
    assert imported.status is TransferStatus.READY, imported.error_detail
    copy = db.session.get_one(Course, imported.course_id)
    assert (copy.status, copy.instructor_id) == (CourseStatus.DRAFT, colleague.id)
    assert copy.slug != furnished.slug
    assert _facts(colleague, copy.id) == _facts(instructor, furnished.id)
    assert copy.cover_id is not None
    assert len(integrations.storage.list_keys(f"covers/{copy.id}")) == 3
    lessons = db.session.scalars(
        select(Lesson).where(Lesson.course_id == copy.id).order_by(Lesson.position)
    ).all()
    video = db.session.get_one(Video, lessons[0].video_id)
    with integrations.storage.open(video.source_key) as source:
        assert source.read() == clip
    track = db.session.scalars(select(CaptionTrack).where(CaptionTrack.video_id == video.id)).one()
    assert "The warp." in track.webvtt
    document = db.session.get_one(CourseFile, lessons[2].document_id)
    assert (lessons[2].kind, document.content_type) == (LessonKind.PDF, "application/pdf")
    with integrations.storage.open(document.storage_key) as stored:
        assert stored.read() == PDF
    # The archive itself is no longer needed.
    assert not integrations.storage.list_keys(f"arrivals/{imported.id}")


def test_nothing_of_learners_travels(furnished: Course, instructor: User, enrolled: User) -> None:
    with zipfile.ZipFile(io.BytesIO(_archive(_export(instructor, furnished)))) as archive:
        texts = [archive.read(name) for name in archive.namelist() if name.endswith(".json")]
    assert enrolled.email.encode() not in b"".join(texts)
    assert str(enrolled.id).encode() not in b"".join(texts)


def test_asking_twice_packs_once(furnished: Course, instructor: User) -> None:
    first, is_new = transfers.begin_export(instructor, furnished.id)
    again, is_new_again = transfers.begin_export(instructor, furnished.id)
    assert (is_new, is_new_again, first.id) == (True, False, again.id)


def test_only_so_many_are_under_way(instructor: User) -> None:
    courses = [factories.make_course(instructor) for _ in range(transfers.MAX_UNDER_WAY + 1)]
    for course in courses[:-1]:
        transfers.begin_export(instructor, course.id)
    with pytest.raises(InUse):
        transfers.begin_export(instructor, courses[-1].id)


def test_a_lost_source_is_named(furnished: Course, instructor: User, video_lesson: Lesson) -> None:
    video = db.session.get_one(Video, video_lesson.video_id)
    integrations.storage.delete_prefix(str(PurePosixPath(video.source_key).parent))
    failed = _export(instructor, furnished)
    assert failed.status is TransferStatus.FAILED
    assert failed.error_detail is not None
    assert video.title in failed.error_detail


def test_trouble_that_passes_is_tried_again_and_then_told(
    furnished: Course, instructor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StorageUnavailable

    monkeypatch.setattr(integrations.storage, "put_file", away)
    transfer, _ = transfers.begin_export(instructor, furnished.id)
    db.session.commit()
    for _attempt in range(transfers.MAX_ATTEMPTS - 1):
        with pytest.raises(RunAgain):
            job.export_course(transfer.id, _never)
    job.export_course(transfer.id, _never)
    row = transfers.get_transfer(instructor, transfer.id)
    assert (row.status, row.error_code) == (TransferStatus.FAILED, "STORAGE_UNAVAILABLE")


def test_a_worker_that_is_told_to_stop_gives_its_attempt_back(
    furnished: Course, instructor: User
) -> None:
    transfer, _ = transfers.begin_export(instructor, furnished.id)
    db.session.commit()
    with pytest.raises(Interrupted):
        job.export_course(transfer.id, lambda: True)
    row = db.session.get_one(CourseTransfer, transfer.id, populate_existing=True)
    assert (row.status, row.attempts) == (TransferStatus.QUEUED, 0)
    job.export_course(transfer.id, _never)
    assert transfers.get_transfer(instructor, transfer.id).has_archive


def test_workers_lost_at_every_attempt_end_it(furnished: Course, instructor: User) -> None:
    transfer, _ = transfers.begin_export(instructor, furnished.id)
    transfer.attempts = transfers.MAX_ATTEMPTS
    db.session.commit()
    job.export_course(transfer.id, _never)
    assert transfers.get_transfer(instructor, transfer.id).error_code == "WORKER_LOST"


def test_a_second_attempt_writes_over_the_first_ones_files(
    furnished: Course, instructor: User
) -> None:
    archive = _archive(_export(instructor, furnished))
    before = set(integrations.storage.list_keys("sources"))
    chunks = iter(range(1000))
    with pytest.raises(Interrupted):
        _import(instructor, archive, lambda: next(chunks) > 3)
    transfer = db.session.scalars(
        select(CourseTransfer).where(CourseTransfer.kind == "import")
    ).one()
    job.import_course(transfer.id, _never)
    assert transfers.get_transfer(instructor, transfer.id).status is TransferStatus.READY
    videos = db.session.scalars(
        select(Video.source_key)
        .join(Lesson, Lesson.video_id == Video.id)
        .where(Lesson.course_id == transfer.course_id)
    ).all()
    assert set(integrations.storage.list_keys("sources")) - before == set(videos)


def test_who_lost_the_right_meanwhile_gets_no_course(furnished: Course, instructor: User) -> None:
    archive = _archive(_export(instructor, furnished))
    transfer = transfers.begin_import(instructor, "a.zip", ARCHIVE_KEY.format("x"), 1)
    integrations.storage.put_bytes(ARCHIVE_KEY.format("x"), archive, "application/zip")
    instructor.role = factories.make_user().role
    instructor.status = UserStatus.ACTIVE
    db.session.commit()
    sources = integrations.storage.list_keys("sources")
    job.import_course(transfer.id, _never)
    row = db.session.get_one(CourseTransfer, transfer.id, populate_existing=True)
    assert (row.status, row.error_code) == (TransferStatus.FAILED, "FORBIDDEN")
    assert integrations.storage.list_keys("sources") == sources


def test_archives_go_after_a_week_and_rows_after_a_season(
    furnished: Course, instructor: User
) -> None:
    transfer = _export(instructor, furnished)
    integrations.storage.put_bytes(
        "transfers/00000000-0000-4000-8000-000000000000/course.zip", b"nobody's", "x/y"
    )
    integrations.storage.put_bytes("transfers/not-ours/note.txt", b"somebody's", "x/y")
    job.sweep()
    assert len(integrations.storage.list_keys(f"transfers/{transfer.id}")) == 1
    assert not integrations.storage.list_keys("transfers/00000000-0000-4000-8000-000000000000")
    assert integrations.storage.list_keys("transfers/not-ours")
    with shifted(transfers.KEPT_FOR + timedelta(hours=1)):
        assert not transfers.get_transfer(instructor, transfer.id).has_archive
        job.sweep()
        assert not integrations.storage.list_keys(f"transfers/{transfer.id}")
        assert transfers.get_transfer(instructor, transfer.id)
    with shifted(transfers.FORGOTTEN_AFTER + timedelta(hours=1)):
        job.sweep()
        assert not transfers.list_transfers(instructor, None, 10)


def test_scratch_folders_are_left_empty(
    furnished: Course, instructor: User, data_directory: Path
) -> None:
    _import(instructor, _archive(_export(instructor, furnished)))
    assert not list((data_directory / "work").glob("transfer-*"))
