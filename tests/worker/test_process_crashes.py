"""The real worker process cut off from PostgreSQL, and whatever else is killed under a transcode.

TRANSCODE_KILL_ROUNDS says how often something is killed at random (2).
"""

import hashlib
import os
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import psutil
import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy.exc import DBAPIError

from app.current import integrations, settings
from app.database import db
from app.domain.videos import ingest, playlists, queries, scratch, storyboards
from app.domain.videos.models import VideoStatus
from tests.support.apps import made_app
from tests.support.postgres import Server, temporary_server
from tests.support.sources import ROOT
from tests.support.tracks import find_tracks
from tests.worker.transcoding import (
    READY_SECONDS,
    Worker,
    Workers,
    assert_effect_once,
    is_encoding,
    is_ready,
    job_states,
    row,
    wait_until,
)

pytestmark = pytest.mark.waits
KILL_ROUNDS = int(os.environ.get("TRANSCODE_KILL_ROUNDS", "2"))
KILL_SEED = 7


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A PostgreSQL of this test's own, which it may crash."""
    with temporary_server() as server:
        yield server


@pytest.fixture
def crashing_app(
    own_server: Server, environment: dict[str, str], tmp_path: Path
) -> Iterator[Flask]:
    values = {"DATABASE_URL": own_server.create_database("own"), "DATA_DIR": str(tmp_path)}
    with made_app({**environment, **values}) as app, app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        yield app


def crash(server: Server) -> None:
    """Kill one of the worker's backends: PostgreSQL drops everybody and recovers from its log."""
    directory = Path(parse_qs(urlsplit(server.admin_url).query)["host"][0])
    postmaster = int((directory / "data" / "postmaster.pid").read_text().split()[0])

    def has_crashed() -> bool:
        for child in psutil.Process(postmaster).children():
            with suppress(psutil.NoSuchProcess):
                if "".join(child.cmdline()).startswith("postgres: app own"):
                    child.kill()
                    return True
        return False

    wait_until(has_crashed, 60)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("crashes", [1, 3])
def test_a_crash_of_postgresql_costs_no_transcode(
    crashing_app: Flask,
    own_server: Server,
    lecture: Path,
    start_worker: Workers,
    crashes: int,
) -> None:
    video_id = ingest.add_from_file(lecture, "A lecture").id
    db.session.commit()
    start_worker(is_supervised=True)
    wait_until(lambda: is_encoding(video_id), READY_SECONDS)
    for _ in range(crashes):
        db.session.remove()
        db.engine.dispose()
        crash(own_server)
        time.sleep(2)
    db.session.remove()
    db.engine.dispose()
    wait_until(lambda: is_ready(video_id), READY_SECONDS)
    assert_effect_once(video_id)


def kill_worker(supervised: Worker) -> bool:
    """Kill the worker's process, which its supervisor then starts again."""
    for child in psutil.Process(supervised.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "flask" in child.cmdline() and "worker" in child.cmdline():
                child.kill()
                return True
    return False


def kill_encoder(supervised: Worker) -> bool:
    """Kill a program that the worker runs."""
    for child in psutil.Process(supervised.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "ffmpeg" in child.name():
                child.kill()
                return True
    return False


def settled(video_id: UUID) -> VideoStatus | None:
    """Return how a transcode ended, None while it has not or nobody can be asked."""
    try:
        status = row(video_id).status
    except DBAPIError:
        db.session.remove()
        db.engine.dispose()
        return None
    return status if status in (VideoStatus.READY, VideoStatus.FAILED) else None


def is_settled(video_id: UUID) -> bool:
    return settled(video_id) is not None


def has_come_to(video_id: UUID, percent: int) -> bool:
    return settled(video_id) is not None or row(video_id).progress_percent >= percent


def files_of(video_id: UUID) -> set[str]:
    """Return the files that the served generation's playlists name, with what belongs to it."""
    video = row(video_id)
    if video.generation is None:
        return set()
    assert video.storyboard is not None
    names = {"poster.jpg"} | {storyboards.sheet_name(n) for n in range(video.storyboard["sheets"])}
    for rendition in queries.renditions_of(find_tracks(video_id, video.generation)):
        template = queries.find_playlist(video_id, video.generation, rendition.name) or ""
        names |= {segment.name for segment in playlists.read_segments(template)}
        names.add(f"{rendition.name}/init.mp4")
    return {f"media/{video_id}/{video.generation}/{name}" for name in names}


@pytest.mark.timeout(120 + 120 * KILL_ROUNDS)
def test_whatever_is_killed_at_whatever_moment_no_transcode_is_stuck(
    crashing_app: Flask,
    own_server: Server,
    lecture: Path,
    start_worker: Workers,
) -> None:
    """Each round kills the worker, a backend of PostgreSQL or the encoder at a random percent."""
    chance = random.Random(KILL_SEED)
    victims = [chance.choice(("worker", "postgresql", "encoder")) for _ in range(KILL_ROUNDS)]
    supervised = start_worker(is_supervised=True)
    digest = hashlib.sha256(lecture.read_bytes()).hexdigest()
    for victim in victims:
        video_id = ingest.add_from_file(lecture, victim).id
        db.session.commit()
        percent = chance.randrange(100)
        wait_until(partial(has_come_to, video_id, percent), READY_SECONDS)
        db.session.remove()
        db.engine.dispose()
        if victim == "worker":
            wait_until(lambda: kill_worker(supervised), 30)
        elif victim == "postgresql":
            crash(own_server)
        else:
            kill_encoder(supervised)
        seconds = wait_until(partial(is_settled, video_id), READY_SECONDS)
        video = row(video_id)
        print(f"{victim} at {percent} %: {video.status} after {seconds:.0f} s")
        assert video.status is VideoStatus.READY or video.error_code
        assert video.source_sha256 == digest
        assert set(integrations.storage.list_keys(f"media/{video_id}")) == files_of(video_id)
    wait_until(lambda: job_states() == [], 30)
    assert scratch.sweep(settings.data_dir / "work") == 0
