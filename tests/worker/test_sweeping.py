"""Sweeping the storage: what rows refer to stays, what they do not goes, after a day."""

import io
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.clock import shifted
from app.current import integrations
from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.file_models import CourseFile, CourseTransfer, TransferKind
from app.domain.courses.models import Course, Lesson
from app.domain.videos import uploads
from app.domain.videos.models import VideoStatus
from app.domain.videos.upload_models import Upload, UploadPurpose, UploadStatus
from app.integrations import Integrations
from app.integrations.local_storage import LocalStorage
from app.worker.sweeping import sweep_folders, sweep_uploads
from tests import factories

LATER = timedelta(days=1, minutes=1)


@pytest.fixture(autouse=True)
def storage(app: Flask, tmp_path: Path) -> Iterator[LocalStorage]:
    """A storage of the test's own."""
    storage, before = LocalStorage(tmp_path / "media"), app.extensions["integrations"]
    values: dict[str, Any] = {name: getattr(before, name) for name in before.__dataclass_fields__}
    app.extensions["integrations"] = Integrations(**{**values, "storage": storage})
    yield storage
    app.extensions["integrations"] = before


def _put(*keys: str) -> None:
    for key in keys:
        integrations.storage.put_bytes(key, b"x", "")


def _keys() -> set[str]:
    folders = ("sources", "files", "arrivals", "covers", "media")
    return {key for folder in folders for key in integrations.storage.list_keys(folder)}


def _begin(owner: User, size: int = 3) -> Upload:
    wish = uploads.Wish(owner.id, UploadPurpose.VIDEO, None, "film.mp4", "video/mp4", size)
    upload = uploads.begin(wish, uploads.open_storage(wish))
    db.session.commit()
    return upload


def test_what_rows_refer_to_stays_and_orphans_go(
    course: Course, text_lesson: Lesson, admin: User
) -> None:
    video = factories.make_video(source_key="sources/one/source.mp4", generation=1)
    factories.make_rendition(video)
    course.cover_id = uuid.uuid4()
    db.session.add_all(
        [
            CourseFile(
                course_id=course.id, lesson_id=text_lesson.id, filename="a.pdf", sha256="0" * 64,
                content_type="application/pdf", size_bytes=1, storage_key="files/one/source",
            ),
            CourseTransfer(
                kind=TransferKind.IMPORT, created_by_id=admin.id, title="In",
                storage_key="arrivals/one/source",
            ),
        ]
    )  # fmt: skip
    db.session.commit()
    kept = _keys() | {
        "sources/one/source.mp4",
        "files/one/source",
        "arrivals/one/source",
        f"covers/{course.id}/{course.cover_id}/320.webp",
        f"media/{video.id}/1/360p/init.mp4",
    }
    orphans = {
        "sources/two/source.mp4",
        "files/two/source",
        "arrivals/two/source",
        f"covers/{course.id}/{uuid.uuid4()}/320.webp",
        f"covers/{uuid.uuid4()}/{uuid.uuid4()}/320.webp",
        f"media/{video.id}/2/360p/init.mp4",
        f"media/{uuid.uuid4()}/1/360p/init.mp4",
    }
    _put(*kept - _keys(), *orphans)
    assert sweep_folders() == 0
    assert _keys() == kept | orphans
    with shifted(LATER):
        assert sweep_folders() == len(orphans)
    assert _keys() == kept


def test_a_transcode_s_unpublished_files_stay_while_it_runs() -> None:
    video = factories.make_video(VideoStatus.PROCESSING)
    _put(f"media/{video.id}/1/360p/init.mp4")
    with shifted(LATER):
        assert sweep_folders() == 0
        video.status = VideoStatus.FAILED
        db.session.commit()
        assert sweep_folders() == 1


def test_a_file_that_is_arriving_stays(instructor: User) -> None:
    upload = _begin(instructor)
    _put(upload.storage_key)  # assembled; the answer to the sender is still to be committed
    with shifted(LATER):
        assert sweep_folders() == 0


def test_an_upload_silent_for_a_week_ends_with_its_parts(
    instructor: User, storage: LocalStorage
) -> None:
    upload = _begin(instructor)
    storage.uploads.put_part(upload.storage_key, upload.storage_upload, 1, io.BytesIO(b"abc"))
    with shifted(timedelta(days=6)):
        assert sweep_uploads() == 0
    with shifted(timedelta(days=7, minutes=1)):
        assert sweep_uploads() == 1
        assert storage.uploads.list_open("sources") == []
        assert upload.status is UploadStatus.CANCELLED
        assert sweep_uploads() == 0


def test_parts_that_no_upload_knows_go(instructor: User, storage: LocalStorage) -> None:
    """The process died between the storage and the database."""
    kept = _begin(instructor)
    wish = uploads.Wish(instructor.id, UploadPurpose.COVER, None, "a.png", "image/png", 3)
    uploads.open_storage(wish)
    assert sweep_uploads() == 0
    with shifted(LATER):
        assert sweep_uploads() == 1
    assert [found.upload for found in storage.uploads.list_open("sources")] == [kept.storage_upload]
    assert storage.uploads.list_open("arrivals") == []


def test_what_a_crash_left_of_a_completed_upload_goes(
    instructor: User, storage: LocalStorage
) -> None:
    """The object was renamed into its place, and the folder of its parts was still there."""
    upload = _begin(instructor)
    folder = storage.local_path(upload.storage_key)
    assert folder is None
    [left] = [path for path in _uploads_of(storage) if path.name == upload.storage_upload]
    (left / "data").unlink()
    upload.status = UploadStatus.COMPLETED
    db.session.commit()
    with shifted(LATER):
        assert sweep_uploads() == 1
    assert not left.exists()


def _uploads_of(storage: LocalStorage) -> list[Path]:
    storage.put_bytes("sources/marker", b"x", "")
    marker = storage.local_path("sources/marker")
    assert marker is not None
    return list((marker.parent.parent / ".uploads").iterdir())


def test_ended_uploads_are_forgotten_after_a_month(instructor: User) -> None:
    upload = _begin(instructor)
    upload.status = UploadStatus.CANCELLED
    db.session.commit()
    with shifted(timedelta(days=31)):
        sweep_uploads()
    assert db.session.query(Upload).count() == 0
