"""The transcode job: what the video's row says after success, failure, interruption and loss."""

import dataclasses
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from app.current import integrations, settings
from app.database import db
from app.domain.courses.authoring import set_lesson_video
from app.domain.courses.models import Course, Lesson, LessonKind
from app.domain.videos import ingest, queries, transcoding
from app.domain.videos.models import ContentKey, Rendition, Video, VideoStatus
from app.errors import StorageUnavailable
from app.integrations.local_storage import LocalStorage
from app.worker.retries import Interrupted, RunAgain
from app.worker.transcode import transcode
from tests import factories
from tests.support.known_secrets import SECRETS
from tests.support.media import make_source
from tests.support.small_disk import run_on_small_disk
from tests.support.sources import ROOT
from tests.support.tracks import find_tracks

pytestmark = pytest.mark.usefixtures("committed_app")

NAMES = {"240p", "240low", "audio"}
ON_SMALL_DISK = """
import sys
from pathlib import Path
from uuid import UUID
from app import create_app
from app.worker.retries import RunAgain
from app.worker.transcode import transcode
app = create_app()
with app.app_context():
    try:
        transcode(UUID(sys.argv[1]), lambda: False)
    except RunAgain as error:
        print("again:", error)
    print([path.name for path in Path(sys.argv[2]).rglob("*") if path.is_file()])
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "short.mp4"
    return make_source(path, seconds=5, size="320x240", rate="15")


@pytest.fixture
def video_id(source: Path) -> UUID:
    video = ingest.add_from_file(source, "A lecture")
    db.session.commit()
    return video.id


def never() -> bool:
    return False


def row(video_id: UUID) -> Video:
    db.session.rollback()
    return db.session.get_one(Video, video_id, populate_existing=True)


def stored(video_id: UUID) -> list[str]:
    return integrations.storage.list_keys(f"media/{video_id}")


def stamps(video_id: UUID) -> dict[str, int]:
    """Return when each stored file was written."""
    return {key: (settings.media_directory / key).stat().st_mtime_ns for key in stored(video_id)}


def test_a_video_becomes_ready(video_id: UUID) -> None:
    transcode(video_id, never)
    video = row(video_id)
    assert (video.status, video.is_complete, video.generation) == (VideoStatus.READY, True, 1)
    assert (video.stage, video.progress_percent, video.attempts) == (None, 100, 0)
    assert (video.width, video.height, video.duration_seconds) == (320, 240, 5.0)
    assert {
        rendition.name for rendition in queries.renditions_of(find_tracks(video_id, 1))
    } == NAMES
    assert queries.find_playlist(video_id, 1, "240p") is not None
    assert queries.find_playlist(video_id, 2, "240p") is None


def test_a_second_run_of_a_finished_job_changes_nothing(video_id: UUID) -> None:
    transcode(video_id, never)
    before = stamps(video_id)
    assert len(before) > 8
    transcode(video_id, never)
    assert stamps(video_id) == before
    assert db.session.query(Rendition).count() == 3


def test_the_lesson_learns_how_long_its_video_is(video_id: UUID) -> None:
    section = factories.make_section(factories.make_course(factories.make_user()))
    lesson = factories.make_lesson(section, 1, kind=LessonKind.VIDEO)
    set_lesson_video(lesson.id, row(video_id))
    db.session.commit()
    lesson_id, course_id = lesson.id, lesson.course_id
    transcode(video_id, never)
    assert db.session.get_one(Lesson, lesson_id).duration_seconds == 5
    assert db.session.get_one(Course, course_id).duration_seconds == 5


def test_no_transaction_is_open_while_it_encodes(
    video_id: UUID, monkeypatch: pytest.MonkeyPatch, committed_database: str
) -> None:
    states: list[str] = []
    watcher = create_engine(committed_database, isolation_level="AUTOCOMMIT")
    encode = type(integrations.transcoder).encode

    def watched(self: object, job: object, on_progress: Callable[[float], None]) -> object:
        statement = text("SELECT state FROM pg_stat_activity WHERE datname = current_database()")
        with watcher.connect() as connection:
            others = "AND pid <> pg_backend_pid()"
            rows = connection.scalars(text(f"{statement.text} {others}"))
            states.extend(str(state) for state in rows)
        return encode(self, job, on_progress)  # type: ignore[arg-type]

    monkeypatch.setattr(type(integrations.transcoder), "encode", watched)
    transcode(video_id, never)
    watcher.dispose()
    assert len(states) >= 2
    assert set(states) == {"idle"}


def test_it_is_watchable_while_the_rest_is_encoded(video_id: UUID) -> None:
    seen: list[tuple[str, int | None, bool, set[str]]] = []

    def look() -> bool:
        video = row(video_id)
        names = {r.name for r in queries.renditions_of(find_tracks(video_id, 1))}
        seen.append((video.status.value, video.generation, video.is_complete, names))
        db.session.rollback()
        return False

    transcode(video_id, look)
    states = list(dict.fromkeys((status, gen, done) for status, gen, done, _ in seen))
    assert states == [("processing", None, False), ("processing", 1, False)]
    assert seen[-1][3] == {"240low", "audio"}


def test_a_source_that_is_no_video_fails_at_once_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    whole = make_source(tmp_path / "whole.mp4", seconds=3, size="320x240").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    video_id = ingest.add_from_file(path, "Cut off").id
    db.session.commit()
    transcode(video_id, never)
    failed = row(video_id)
    assert (failed.status, failed.error_code) == (VideoStatus.FAILED, "MEDIA_INVALID")
    assert failed.error_detail
    assert str(settings.data_dir) not in failed.error_detail
    assert failed.generation is None
    assert stored(video_id) == []


def test_a_failing_encoder_is_tried_three_times_and_quoted(
    video_id: UUID, committed_app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho 'x264 [error]: malloc of size 9 failed' >&2\nexit 187\n")
    program.chmod(0o755)
    changed = settings.model_copy(update={"ffmpeg_bin": str(program)})
    broken = type(integrations.transcoder)(changed)  # type: ignore[call-arg]
    held = dataclasses.replace(committed_app.extensions["integrations"], transcoder=broken)
    monkeypatch.setitem(committed_app.extensions, "integrations", held)
    for attempt in (1, 2):
        with pytest.raises(RunAgain) as caught:
            transcode(video_id, never)
        assert caught.value.wait >= timedelta(seconds=30)
        waiting = row(video_id)
        assert (waiting.status, waiting.attempts) == (VideoStatus.QUEUED, attempt)
        assert waiting.error_code == "TRANSCODE_FAILED"
    transcode(video_id, never)
    failed = row(video_id)
    assert (failed.status, failed.error_code) == (VideoStatus.FAILED, "TRANSCODE_FAILED")
    assert failed.error_detail
    assert failed.error_detail.endswith("malloc of size 9 failed")
    assert stored(video_id) == []
    transcode(video_id, never)
    assert row(video_id).status is VideoStatus.FAILED


def test_a_video_whose_worker_keeps_dying_is_given_up(video_id: UUID) -> None:
    db.session.get_one(Video, video_id).attempts = 3
    db.session.get_one(Video, video_id).status = VideoStatus.PROCESSING
    db.session.commit()
    transcode(video_id, never)
    video = row(video_id)
    assert (video.status, video.error_code) == (VideoStatus.FAILED, "WORKER_LOST")


def test_a_storage_that_is_away_is_asked_again_later(
    video_id: UUID, committed_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away(LocalStorage):
        def put_bytes(self, key: str, data: bytes, content_type: str) -> None:
            raise StorageUnavailable

    away = Away(settings.media_directory)
    whole = committed_app.extensions["integrations"]
    with monkeypatch.context() as patch:
        patch.setitem(
            committed_app.extensions, "integrations", dataclasses.replace(whole, storage=away)
        )
        with pytest.raises(RunAgain, match="STORAGE_UNAVAILABLE"):
            transcode(video_id, never)
        assert stored(video_id) == []
    transcode(video_id, never)
    assert row(video_id).status is VideoStatus.READY


def test_a_bug_reaches_the_row_and_is_tried_again(
    video_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr("app.domain.videos.ladder.choose", broken)
        with pytest.raises(RunAgain):
            transcode(video_id, never)
        assert row(video_id).error_detail == "ZeroDivisionError: a bug"
    transcode(video_id, never)
    assert row(video_id).status is VideoStatus.READY


def test_an_orderly_shutdown_hands_the_job_back_uncounted(video_id: UUID) -> None:
    calls = iter([False] * 8)
    with pytest.raises(Interrupted) as caught:
        transcode(video_id, lambda: next(calls, True))
    assert caught.value.wait == timedelta(0)
    video = row(video_id)
    assert (video.status, video.attempts, video.error_code) == (VideoStatus.QUEUED, 0, None)
    scratch = settings.data_dir / transcoding.WORK_FOLDER
    assert not scratch.exists() or list(scratch.iterdir()) == []
    transcode(video_id, never)
    assert row(video_id).status is VideoStatus.READY


def test_interrupted_after_the_first_rungs_it_goes_on_from_there(video_id: UUID) -> None:
    def after_first_rungs() -> bool:
        published = row(video_id).generation is not None
        db.session.rollback()
        return published

    with pytest.raises(Interrupted):
        transcode(video_id, after_first_rungs)
    keys = {(k.window, k.sealed_key) for k in db.session.query(ContentKey)}
    low = queries.find_playlist(video_id, 1, "240low")
    transcode(video_id, never)
    assert row(video_id).status is VideoStatus.READY
    assert {(k.window, k.sealed_key) for k in db.session.query(ContentKey)} == keys
    assert queries.find_playlist(video_id, 1, "240low") == low
    assert {
        rendition.name for rendition in queries.renditions_of(find_tracks(video_id, 1))
    } == NAMES


def test_two_workers_never_work_on_one_video(video_id: UUID, committed_database: str) -> None:
    refused: list[str] = []

    def try_too() -> bool:
        if not refused:
            with pytest.raises(RunAgain) as caught:
                transcode(video_id, never)
            refused.append(str(caught.value))
        return False

    transcode(video_id, try_too)
    assert refused == ["another worker is at this"]
    assert row(video_id).status is VideoStatus.READY


def test_a_video_deleted_meanwhile_leaves_no_media(video_id: UUID, committed_database: str) -> None:
    elsewhere = create_engine(committed_database)

    def delete() -> bool:
        with elsewhere.begin() as connection:
            connection.execute(text("DELETE FROM videos"))
        return False

    transcode(video_id, delete)
    elsewhere.dispose()
    assert stored(video_id) == []
    transcode(uuid4(), never)


def test_a_new_transcode_replaces_what_is_served_only_in_the_end(video_id: UUID) -> None:
    transcode(video_id, never)
    ingest.enqueue_transcode(row(video_id))
    db.session.commit()
    generations: list[int | None] = []

    def look() -> bool:
        generations.append(row(video_id).generation)
        db.session.rollback()
        return False

    transcode(video_id, look)
    assert set(generations) == {1}
    video = row(video_id)
    assert (video.generation, video.status) == (2, VideoStatus.READY)
    assert {
        rendition.name for rendition in queries.renditions_of(find_tracks(video_id, 2))
    } == NAMES
    assert {key.split("/")[2] for key in stored(video_id)} == {"1", "2"}


@pytest.mark.parametrize(("folder", "size"), [("work", "200k"), ("media/media", "150k")])
def test_a_full_disk_is_told_and_leaves_nothing(
    video_id: UUID, committed_database: str, folder: str, size: str
) -> None:
    disk = settings.data_dir / folder
    disk.mkdir(parents=True)
    environment = {
        **SECRETS,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "APP_ENV": "development",
        "DATABASE_URL": committed_database,
        "DATA_DIR": str(settings.data_dir),
    }
    done = run_on_small_disk(
        disk, size, "-c", ON_SMALL_DISK, str(video_id), str(disk), environment=environment
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["again: STORAGE_FULL", "[]"], done.stderr
    video = row(video_id)
    assert (video.status, video.error_code) == (VideoStatus.QUEUED, "STORAGE_FULL")
    assert video.error_detail == "The disk is full. Free some space and try again."
    assert stored(video_id) == []
    transcode(video_id, never)
    assert row(video_id).status is VideoStatus.READY
