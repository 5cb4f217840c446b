"""A real worker process at a transcode: what starts it, and what its tests ask and wait for."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from app.current import integrations, settings
from app.database import db
from app.domain.videos import queries
from app.domain.videos.models import Video, VideoStatus
from tests.support.known_secrets import SECRETS
from tests.support.sources import ROOT
from tests.support.tracks import find_tracks

SEGMENTS = 7  # long enough to be caught in the middle on a fast machine
READY_SECONDS = 180

Worker = subprocess.Popen[bytes]


class Workers:
    """Starts `flask worker` for the current application; what was started ends with the stack."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self._log = stack.enter_context((folder / "worker.log").open("ab"))

    def __call__(self, *, is_supervised: bool = False) -> Worker:
        """Start one; a supervised one is started again whenever it ends, as supervisord does it."""
        command = f"exec {sys.executable} -m flask --app wsgi worker --with-scheduler"
        supervised = f"while :; do ({command}); sleep 0.2; done"
        process = subprocess.Popen(
            ["sh", "-c", supervised if is_supervised else command],
            cwd=ROOT,
            env={
                **SECRETS,
                "PATH": os.environ["PATH"],
                "APP_ENV": "development",
                "DATABASE_URL": settings.database_url,
                "DATA_DIR": str(settings.data_dir),
            },
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        self._stack.callback(_end, process)
        return process


def _end(process: Worker) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)


def row(video_id: UUID) -> Video:
    """Return the video as it is now."""
    db.session.rollback()
    return db.session.get_one(Video, video_id, populate_existing=True)


def wait_until(condition: Callable[[], bool], seconds: float) -> float:
    """Wait for `condition`, which may ask a database; return how long it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"not within {seconds} seconds"
        time.sleep(0.1)
    return time.monotonic() - started


def is_ready(video_id: UUID) -> bool:
    """Whether it can be watched; fail when it never will."""
    video = row(video_id)
    assert video.status is not VideoStatus.FAILED, video.error_detail
    return video.status is VideoStatus.READY


def is_half_done(video_id: UUID) -> bool:
    """Whether the first rungs are published and the others are being encoded."""
    video = row(video_id)
    return video.generation == 1 and video.stage == "encoding"


def is_encoding(video_id: UUID) -> bool:
    """Whether an encoder is at it."""
    return row(video_id).stage == "encoding"


def job_states() -> list[str]:
    """Return the states of the jobs that prepare videos."""
    return list(
        db.session.scalars(
            text("SELECT status FROM procrastinate_jobs WHERE task_name = 'videos.transcode'")
        )
    )


def assert_effect_once(video_id: UUID) -> None:
    """Check that one generation exists, whole, and that its files are its playlists'."""
    video = row(video_id)
    assert (video.generation, video.is_complete) == (1, True)
    names = {rendition.name for rendition in queries.renditions_of(find_tracks(video_id, 1))}
    assert names == {"360p", "240p", "audio"}
    keys = integrations.storage.list_keys(f"media/{video_id}")
    assert len(keys) == len(names) * (SEGMENTS + 1) + 2  # with poster and storyboard
    wait_until(lambda: job_states() == [], 10)
