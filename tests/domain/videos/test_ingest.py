"""How a file becomes a video."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.current import integrations, settings
from app.database import db
from app.domain.accounts.models import User
from app.domain.videos import ingest
from app.domain.videos.models import Video, VideoStatus
from app.errors import InvalidInput, MediaInvalid
from tests.support.media import make_source


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_source(tmp_path_factory.mktemp("source") / "Lecture 1.mov", seconds=1, size="64x64")


def queued_jobs() -> list[Any]:
    statement = "SELECT task_name, queue_name, lock, args FROM procrastinate_jobs ORDER BY id"
    return list(db.session.execute(text(statement)))


def test_the_source_is_kept_and_its_transcode_queued(source: Path, instructor: User) -> None:
    video = ingest.add_from_file(source, "Lecture 1", instructor)
    assert video.status is VideoStatus.QUEUED
    assert video.generation is None
    assert video.uploaded_by_id == instructor.id
    assert video.source_bytes == source.stat().st_size
    assert video.source_sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert video.source_key == f"sources/{video.id}/source.mp4"
    with integrations.storage.open(video.source_key) as stored:
        assert stored.read() == source.read_bytes()
    (job,) = queued_jobs()
    assert job.task_name == "videos.transcode"
    assert (job.queue_name, job.lock) == ("media", f"video:{video.id}")
    assert job.args == {"video_id": str(video.id)}


def test_the_job_goes_with_the_transaction(source: Path) -> None:
    savepoint = db.session.begin_nested()
    ingest.add_from_file(source, "Lecture 1")
    savepoint.rollback()
    assert queued_jobs() == []
    assert db.session.query(Video).count() == 0


def test_a_text_file_is_refused_before_anything_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("Dear diary")
    before = integrations.storage.list_keys("sources")
    with pytest.raises(MediaInvalid, match="no MP4"):
        ingest.add_from_file(path, "Notes")
    assert queued_jobs() == []
    assert integrations.storage.list_keys("sources") == before


def test_a_file_larger_than_uploads_may_be_is_refused(
    source: Path, monkeypatch: pytest.MonkeyPatch, app: Any
) -> None:
    small = settings.model_copy(update={"max_video_upload_bytes": 1000})
    monkeypatch.setitem(app.extensions, "settings", small)
    with pytest.raises(InvalidInput) as caught:
        ingest.add_from_file(source, "Large")
    assert "file" in caught.value.fields


def test_a_failed_video_can_be_queued_again(source: Path) -> None:
    video = ingest.add_from_file(source, "Lecture 1")
    video.status, video.attempts = VideoStatus.FAILED, 3
    video.error_code, video.error_detail = "TRANSCODE_FAILED", "…"
    ingest.enqueue_transcode(video)
    assert (video.status, video.attempts, video.error_code) == (VideoStatus.QUEUED, 0, None)
    assert len(queued_jobs()) == 2
