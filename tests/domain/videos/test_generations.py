"""Claiming, publishing and giving up: the rows of a transcode."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from app.clock import utcnow
from app.current import settings
from app.database import db
from app.domain.videos import generations, keys
from app.domain.videos.generations import Publication, TooManyAttempts, Work
from app.domain.videos.models import ContentKey, Rendition, RenditionKind, Video, VideoStatus
from tests import factories

KEYS = {0: b"a" * 16, 1: b"b" * 16}


@pytest.fixture
def video() -> Video:
    return factories.make_video(VideoStatus.QUEUED, generation=None, is_complete=False)


def begin(video: Video) -> Work:
    work = generations.begin(video.id)
    assert work is not None
    return work


def publication(work: Work, *names: str, is_complete: bool = False) -> Publication:
    renditions = [
        Rendition(
            video_id=work.video_id,
            generation=work.generation,
            name=name,
            kind=RenditionKind.AUDIO if name == "audio" else RenditionKind.VIDEO,
            codecs="avc1.64001f",
            peak_bandwidth=2,
            average_bandwidth=1,
            segment_count=1,
            size_bytes=1,
            playlist=f"#EXTM3U {name}",
        )
        for name in names
    ]
    return Publication(renditions, KEYS, 12.5, 640, 360, "media/poster.jpg", is_complete)


def test_a_new_video_is_claimed_from_nothing(video: Video) -> None:
    work = begin(video)
    assert (work.generation, work.attempt, work.is_served) == (1, 1, False)
    assert work.published == work.keys == {}
    assert work.prefix == f"media/{video.id}/1"
    assert video.status is VideoStatus.PROCESSING


def test_first_rungs_make_it_watchable_but_not_ready(video: Video) -> None:
    work = begin(video)
    assert generations.publish(work, publication(work, "360p", "audio"))
    db.session.refresh(video)
    assert (video.generation, video.is_complete) == (1, False)
    assert video.status is VideoStatus.PROCESSING
    assert (video.duration_seconds, video.width, video.height) == (12.5, 640, 360)


def test_the_last_rungs_make_it_ready(video: Video) -> None:
    work = begin(video)
    generations.publish(work, publication(work, "360p", "audio"))
    generations.publish(work, publication(work, "720p", is_complete=True))
    db.session.refresh(video)
    assert (video.status, video.is_complete, video.progress_percent) == ("ready", True, 100)
    assert video.ready_at is not None
    assert video.attempts == 0


def test_keys_are_kept_once_and_sealed_for_their_place(video: Video) -> None:
    work = begin(video)
    generations.publish(work, publication(work, "360p", "audio"))
    sealed = {row.window: row.sealed_key for row in db.session.query(ContentKey)}
    generations.publish(work, publication(work, "720p", is_complete=True))
    for row in db.session.query(ContentKey).filter_by(video_id=video.id):
        assert row.sealed_key == sealed[row.window]
        opened = keys.unseal(settings.content_secret, video.id, 1, row.window, row.sealed_key)
        assert opened == KEYS[row.window]


def test_a_second_attempt_builds_on_what_is_published(video: Video) -> None:
    work = begin(video)
    generations.publish(work, publication(work, "360p", "audio"))
    again = begin(video)
    assert (again.generation, again.attempt, again.is_served) == (1, 2, True)
    assert set(again.published) == {"360p", "audio"}
    assert again.keys == KEYS


def test_the_last_attempt_starts_anew(video: Video) -> None:
    generations.publish(begin(video), publication(begin(video), "360p", "audio"))
    last = begin(video)
    assert (last.attempt, last.generation, last.published) == (3, 2, {})


def test_attempts_are_bounded(video: Video) -> None:
    for _ in range(generations.MAX_ATTEMPTS):
        begin(video)
    with pytest.raises(TooManyAttempts):
        generations.begin(video.id)


def test_an_orderly_interruption_costs_no_attempt(video: Video) -> None:
    for _ in range(5):
        begin(video)
        generations.release(video.id)
        db.session.refresh(video)
        assert (video.attempts, video.status) == (0, VideoStatus.QUEUED)


@pytest.mark.parametrize("status", [VideoStatus.READY, VideoStatus.FAILED])
def test_what_has_ended_is_not_begun_again(status: VideoStatus) -> None:
    assert generations.begin(factories.make_video(status).id) is None


def test_what_was_deleted_is_not_begun() -> None:
    assert generations.begin(uuid4()) is None


def test_a_video_deleted_meanwhile_is_not_published(video: Video) -> None:
    work = begin(video)
    db.session.delete(video)
    db.session.flush()
    assert not generations.publish(work, publication(work, "360p"))


def test_a_new_generation_replaces_a_served_one_at_once() -> None:
    video = factories.make_ready_video()
    video.status = VideoStatus.QUEUED
    db.session.flush()
    work = begin(video)
    assert (work.generation, work.is_served, work.published) == (2, True, {})
    assert video.generation == 1
    generations.publish(work, publication(work, "360p", "audio", is_complete=True))
    db.session.refresh(video)
    assert (video.generation, video.status) == (2, VideoStatus.READY)


def test_of_two_workers_only_one_can_publish_a_rung(video: Video) -> None:
    work = begin(video)
    generations.publish(work, publication(work, "360p"))
    with pytest.raises(IntegrityError):
        generations.publish(work, publication(work, "360p"))


def test_failing_says_why_and_keeps_what_can_be_watched(video: Video) -> None:
    work = begin(video)
    generations.publish(work, publication(work, "360p", "audio"))
    generations.fail(video.id, "TRANSCODE_FAILED", "x" * 5000 + "the end")
    db.session.refresh(video)
    assert (video.status, video.error_code) == (VideoStatus.FAILED, "TRANSCODE_FAILED")
    assert video.error_detail is not None
    assert video.error_detail.endswith("the end")
    assert len(video.error_detail) <= 2000
    assert (video.generation, video.is_complete) == (1, False)


def test_progress_is_not_reported_of_what_has_ended() -> None:
    video = factories.make_video(VideoStatus.FAILED, progress_percent=10)
    generations.report(video.id, "encoding", 50)
    db.session.refresh(video)
    assert video.progress_percent == 10


def test_a_replaced_generation_is_swept_a_day_later() -> None:
    video = factories.make_ready_video()
    video.status = VideoStatus.QUEUED
    db.session.flush()
    work = begin(video)
    generations.publish(work, publication(work, "360p", is_complete=True))
    assert generations.list_outdated() == []
    video.ready_at = utcnow() - timedelta(hours=25)
    db.session.flush()
    assert generations.list_outdated() == [(video.id, 1)]
    generations.forget(video.id, 1)
    assert generations.list_outdated() == []
    assert db.session.query(ContentKey).filter_by(video_id=video.id, generation=1).count() == 0
    assert db.session.query(Rendition).filter_by(video_id=video.id).one().generation == 2
