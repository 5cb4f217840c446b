"""The real worker process: killed and stopped in mid-transcode, and busy with one."""

import signal
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import psutil
import pytest
from flask import Flask
from sqlalchemy import text

from app.current import settings
from app.database import db
from app.domain.videos import ingest
from app.domain.videos.models import VideoStatus
from tests.worker.transcoding import (
    READY_SECONDS,
    Workers,
    assert_effect_once,
    is_encoding,
    is_half_done,
    is_ready,
    job_states,
    row,
    wait_until,
)

pytestmark = pytest.mark.waits
TAKEN_OVER_SECONDS = 60


@pytest.fixture
def video_id(committed_app: Flask, lecture: Path) -> UUID:
    video = ingest.add_from_file(lecture, "A lecture")
    db.session.commit()
    return video.id


@pytest.mark.timeout(400)
@pytest.mark.parametrize("moment", [is_encoding, is_half_done])
def test_a_worker_killed_in_mid_transcode_is_taken_over(
    video_id: UUID, start_worker: Workers, moment: Callable[[UUID], bool]
) -> None:
    victim = start_worker()
    wait_until(lambda: moment(video_id), READY_SECONDS)
    children = psutil.Process(victim.pid).children(recursive=True)
    victim.send_signal(signal.SIGKILL)
    victim.wait(10)
    assert psutil.wait_procs(children, timeout=10)[1] == [], "ffmpeg outlived its worker"
    assert row(video_id).status is VideoStatus.PROCESSING
    assert job_states() == ["doing"]

    start_worker()
    wait_until(lambda: row(video_id).attempts == 2, TAKEN_OVER_SECONDS)
    wait_until(lambda: is_ready(video_id), READY_SECONDS)
    assert_effect_once(video_id)
    assert list((settings.data_dir / "work").iterdir()) == []


@pytest.mark.timeout(400)
def test_a_worker_told_to_stop_hands_its_transcode_back_at_once(
    video_id: UUID, start_worker: Workers
) -> None:
    first = start_worker()
    wait_until(lambda: is_encoding(video_id), READY_SECONDS)
    first.send_signal(signal.SIGTERM)
    assert first.wait(15) == 0
    video = row(video_id)
    assert (video.status, video.attempts) == (VideoStatus.QUEUED, 0)
    assert job_states() == ["todo"]

    start_worker()
    wait_until(lambda: is_ready(video_id), READY_SECONDS)
    assert_effect_once(video_id)


@pytest.mark.timeout(400)
def test_short_jobs_do_not_wait_for_a_video(video_id: UUID, start_worker: Workers) -> None:
    """The take-over of stalled jobs runs beside a transcode, every 15 seconds."""
    start_worker()
    wait_until(lambda: is_encoding(video_id), READY_SECONDS)

    def deferred() -> int:
        query = "SELECT count(*) FROM procrastinate_periodic_defers WHERE task_name = :name"
        return db.session.scalar(text(query), {"name": "jobs.retry_stalled"}) or 0

    waiting = "SELECT count(*) FROM procrastinate_jobs WHERE queue_name = 'default'"
    wait_until(lambda: deferred() > 0, 40)
    wait_until(lambda: db.session.scalar(text(waiting)) == 0, 5)
