"""Transcodes under control: what arrived is proven, the time left told, cancelled ones end."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from app.current import integrations
from app.database import db
from app.domain.courses.authoring import set_lesson_video
from app.domain.courses.models import Lesson, LessonKind
from app.domain.videos import control, encryption, ingest, keys, playlists, queries
from app.domain.videos.control import CANCELLED
from app.domain.videos.models import Video, VideoStatus
from app.worker.transcode import transcode
from app.worker.upkeep import discard_media
from tests import factories
from tests.support.media import make_source, run_ffmpeg
from tests.support.tracks import find_tracks

pytestmark = pytest.mark.usefixtures("committed_app")


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


def once(
    video_id: UUID, due: Callable[[Video], bool], act: Callable[[Video], object]
) -> Callable[[], bool]:
    """Return a `should_stop` that never stops, and does `act` once when the row is `due`."""
    done: list[bool] = []

    def look() -> bool:
        video = row(video_id)
        if not done and due(video):
            done.append(True)
            act(video)
            db.session.commit()
        db.session.rollback()
        return False

    return look


def test_a_ready_video_has_stills_and_a_loudness(video_id: UUID) -> None:
    transcode(video_id, never)
    video = row(video_id)
    assert video.storyboard is not None
    assert (video.storyboard["count"], video.storyboard["sheets"]) == (2, 1)
    assert (video.storyboard["width"], video.storyboard["height"]) == (160, 120)
    assert f"media/{video_id}/1/storyboard/00000.jpg" in stored(video_id)
    assert video.loudness_lufs is not None
    assert -30 < video.loudness_lufs < -10
    assert video.begun_at is not None
    assert video.reported_at is not None


def test_what_arrived_differently_than_sent_is_refused_for_good(video_id: UUID) -> None:
    row(video_id).declared_sha256 = "0" * 64
    db.session.commit()
    transcode(video_id, never)
    video = row(video_id)
    assert (video.status, video.error_code) == (VideoStatus.FAILED, "CHECKSUM_MISMATCH")
    assert video.error_detail
    assert "0" * 64 in video.error_detail
    assert stored(video_id) == []


def test_the_digest_of_an_upload_is_found_by_the_worker(video_id: UUID) -> None:
    expected = row(video_id).source_sha256
    video = row(video_id)
    video.source_sha256, video.declared_sha256 = None, (expected or "").upper()
    db.session.commit()
    transcode(video_id, never)
    assert (row(video_id).status, row(video_id).source_sha256) == (VideoStatus.READY, expected)


def test_a_source_that_is_gone_is_said_to_be_gone(video_id: UUID) -> None:
    integrations.storage.delete_prefix(f"sources/{video_id}")
    transcode(video_id, never)
    assert row(video_id).error_code == "SOURCE_MISSING"


def test_a_waiting_transcode_is_cancelled_and_never_begun(video_id: UUID) -> None:
    assert control.cancel(row(video_id))
    db.session.commit()
    transcode(video_id, never)
    video = row(video_id)
    assert (video.status, video.error_code) == (VideoStatus.FAILED, CANCELLED)
    assert (video.begun_at, stored(video_id)) == (None, [])
    assert not control.cancel(video)


def test_a_running_transcode_is_cancelled_and_leaves_nothing(video_id: UUID) -> None:
    look = once(video_id, lambda video: video.stage is not None, control.cancel)
    transcode(video_id, look)
    video = row(video_id)
    assert (video.status, video.error_code, video.generation) == ("failed", CANCELLED, None)
    assert stored(video_id) == []


def test_cancelled_after_the_first_rungs_it_goes_on_playing_and_can_be_finished(
    video_id: UUID,
) -> None:
    look = once(video_id, lambda video: video.generation is not None, control.cancel)
    transcode(video_id, look)
    video = row(video_id)
    assert (video.status, video.generation, video.is_complete) == ("failed", 1, False)
    assert {key.split("/")[3] for key in stored(video_id)} == {
        "240low",
        "audio",
        "poster.jpg",
        "storyboard",
    }
    assert control.retry(row(video_id))
    db.session.commit()
    assert not control.retry(row(video_id))
    transcode(video_id, never)
    assert (row(video_id).status, row(video_id).generation) == (VideoStatus.READY, 1)
    assert len(queries.renditions_of(find_tracks(video_id, 1))) == 3


def test_cancelled_and_queued_again_at_once_the_first_worker_gives_way(video_id: UUID) -> None:
    def both(video: Video) -> None:
        control.cancel(video)
        control.retry(video)

    look = once(video_id, lambda video: video.stage is not None, both)
    transcode(video_id, look)
    assert (row(video_id).status, row(video_id).attempts) == (VideoStatus.QUEUED, 0)
    transcode(video_id, never)
    assert row(video_id).status is VideoStatus.READY


def test_cancelling_a_second_preparation_leaves_the_first_ready(video_id: UUID) -> None:
    transcode(video_id, never)
    control.retry(row(video_id))
    db.session.commit()
    look = once(video_id, lambda video: video.stage is not None, control.cancel)
    transcode(video_id, look)
    video = row(video_id)
    assert (video.status, video.generation, video.progress_percent) == ("ready", 1, 100)
    assert {key.split("/")[2] for key in stored(video_id)} == {"1"}


def test_a_deleted_videos_files_go_in_the_background(video_id: UUID) -> None:
    transcode(video_id, never)
    source_key = row(video_id).source_key
    discard_media(video_id, source_key)
    assert stored(video_id), "it is not deleted yet"
    control.discard(row(video_id))
    db.session.commit()
    discard_media(video_id, source_key)
    assert stored(video_id) == integrations.storage.list_keys(f"sources/{video_id}") == []


def test_a_lesson_that_plays_keeps_its_video_until_the_new_one_plays(video_id: UUID) -> None:
    lesson = factories.make_lesson(
        factories.make_section(factories.make_course()), kind=LessonKind.VIDEO
    )
    old = factories.make_video(duration_seconds=60.0)
    lesson_id, old_id = lesson.id, old.id
    set_lesson_video(lesson_id, old)
    db.session.commit()
    set_lesson_video(lesson_id, row(video_id))
    db.session.commit()
    lesson = db.session.get_one(Lesson, lesson_id)
    assert (lesson.video_id, lesson.incoming_video_id) == (old_id, video_id)
    assert lesson.duration_seconds == 60
    transcode(video_id, never)
    db.session.rollback()
    lesson = db.session.get_one(Lesson, lesson_id, populate_existing=True)
    assert (lesson.video_id, lesson.incoming_video_id) == (video_id, None)
    assert lesson.duration_seconds == 5


def test_the_sound_of_every_title_is_equally_loud(tmp_path: Path) -> None:
    quiet = tmp_path / "quiet.mp4"
    tone = "sine=frequency=300:sample_rate=44100,volume=-22dB"
    picture = ("-f", "lavfi", "-i", "color=c=gray:s=320x240:r=15:d=6")
    run_ffmpeg(
        *picture, "-f", "lavfi", "-t", "6", "-i", tone, "-c:v", "libx264", "-shortest", quiet
    )
    quiet_id = ingest.add_from_file(quiet, "Quiet").id
    db.session.commit()
    transcode(quiet_id, never)
    before = row(quiet_id).loudness_lufs
    assert before is not None
    assert before < -30
    clear = tmp_path / "sound.mp4"
    clear.write_bytes(_clear_sound(quiet_id))
    after = integrations.transcoder.measure_loudness(clear, 6.0, lambda _: None)
    assert after == pytest.approx(min(-16.0, before + 20), abs=1.0)


def _clear_sound(video_id: UUID) -> bytes:
    from_storage = integrations.storage
    template = queries.find_playlist(video_id, 1, "audio") or ""
    with from_storage.open(f"media/{video_id}/1/audio/init.mp4") as file:
        parts = [file.read()]
    for segment in playlists.read_segments(template):
        key = keys.content_key(video_id, 1, segment.window)
        with from_storage.open(f"media/{video_id}/1/{segment.name}") as file:
            parts.append(encryption.decrypt(file.read(), key, segment.iv))
    return b"".join(parts)
