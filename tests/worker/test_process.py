"""The real worker process: killed, stopped and cut off from PostgreSQL in mid-transcode."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import psutil
import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.current import integrations, settings
from app.database import db
from app.domain.videos import ingest, playlists, queries, scratch, storyboards
from app.domain.videos.models import Video, VideoStatus
from tests.support.apps import made_app
from tests.support.known_secrets import SECRETS
from tests.support.media import make_source
from tests.support.postgres import Server, temporary_server
from tests.support.sources import ROOT

pytestmark = pytest.mark.in_pairs

SEGMENTS = 7  # long enough to be caught in the middle on a fast machine

KILL_ROUNDS = int(os.environ.get("TRANSCODE_KILL_ROUNDS", "2"))
KILL_SEED = 7

READY_SECONDS = 180
TAKEN_OVER_SECONDS = 60

Worker = subprocess.Popen[bytes]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "long.mp4"
    return make_source(path, seconds=SEGMENTS * 4, size="640x360", rate="30")


@pytest.fixture
def video_id(committed_app: Flask, source: Path) -> UUID:
    video = ingest.add_from_file(source, "A lecture")
    db.session.commit()
    return video.id


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """A function that starts `flask worker` for the current application.

    With `is_supervised` it is started again whenever it ends, as supervisord does it.
    """
    command = f"exec {sys.executable} -m flask --app wsgi worker --with-scheduler"
    supervised = f"while :; do ({command}); sleep 0.2; done"
    with ExitStack() as stack:
        log = stack.enter_context((tmp_path / "worker.log").open("ab"))

        def start(*, is_supervised: bool = False) -> Worker:
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
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            stack.callback(_end, process)
            return process

        yield start


def _end(process: Worker) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)


def row(video_id: UUID) -> Video:
    db.session.rollback()
    return db.session.get_one(Video, video_id, populate_existing=True)


def wait_until(condition: Callable[[], bool], seconds: float) -> float:
    """Wait for `condition`; return how long it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"not within {seconds} seconds"
        time.sleep(0.02)
    return time.monotonic() - started


def is_ready(video_id: UUID) -> bool:
    video = row(video_id)
    assert video.status is not VideoStatus.FAILED, video.error_detail
    return video.status is VideoStatus.READY


def is_half_done(video_id: UUID) -> bool:
    """Whether the first rungs are published and the others are being encoded."""
    video = row(video_id)
    return video.generation == 1 and video.stage == "encoding"


def is_encoding(video_id: UUID) -> bool:
    return row(video_id).stage == "encoding"


def job_states() -> list[str]:
    return list(
        db.session.scalars(
            text("SELECT status FROM procrastinate_jobs WHERE task_name = 'videos.transcode'")
        )
    )


def assert_effect_once(video_id: UUID) -> None:
    """Check that one generation exists, whole, and that its files are its playlists'."""
    video = row(video_id)
    assert (video.generation, video.is_complete) == (1, True)
    names = {
        rendition.name for rendition in queries.renditions_of(queries.find_tracks(video_id, 1))
    }
    assert names == {"360p", "240p", "audio"}
    keys = integrations.storage.list_keys(f"media/{video_id}")
    assert len(keys) == len(names) * (SEGMENTS + 1) + 2  # with poster and storyboard
    wait_until(lambda: job_states() == [], 10)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("moment", [is_encoding, is_half_done])
def test_a_worker_killed_in_mid_transcode_is_taken_over(
    video_id: UUID, start_worker: Callable[..., Worker], moment: Callable[[UUID], bool]
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
    video_id: UUID, start_worker: Callable[..., Worker]
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
    source: Path,
    start_worker: Callable[..., Worker],
    crashes: int,
) -> None:
    video_id = ingest.add_from_file(source, "A lecture").id
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


@pytest.mark.timeout(400)
def test_short_jobs_do_not_wait_for_a_video(
    video_id: UUID, start_worker: Callable[..., Worker]
) -> None:
    """The take-over of stalled jobs runs beside a transcode, every 15 seconds."""
    start_worker()
    wait_until(lambda: is_encoding(video_id), READY_SECONDS)

    def deferred() -> int:
        query = "SELECT count(*) FROM procrastinate_periodic_defers WHERE task_name = :name"
        return db.session.scalar(text(query), {"name": "jobs.retry_stalled"}) or 0

    waiting = "SELECT count(*) FROM procrastinate_jobs WHERE queue_name = 'default'"
    wait_until(lambda: deferred() > 0, 40)
    wait_until(lambda: db.session.scalar(text(waiting)) == 0, 5)


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
    for rendition in queries.renditions_of(queries.find_tracks(video_id, video.generation)):
        template = queries.find_playlist(video_id, video.generation, rendition.name) or ""
        names |= {segment.name for segment in playlists.read_segments(template)}
        names.add(f"{rendition.name}/init.mp4")
    return {f"media/{video_id}/{video.generation}/{name}" for name in names}


@pytest.mark.timeout(120 + 120 * KILL_ROUNDS)
def test_whatever_is_killed_at_whatever_moment_no_transcode_is_stuck(
    crashing_app: Flask,
    own_server: Server,
    source: Path,
    start_worker: Callable[..., Worker],
) -> None:
    """Each round kills the worker, a backend of PostgreSQL or the encoder at a random percent."""
    chance = random.Random(KILL_SEED)
    victims = [chance.choice(("worker", "postgresql", "encoder")) for _ in range(KILL_ROUNDS)]
    supervised = start_worker(is_supervised=True)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    for victim in victims:
        video_id = ingest.add_from_file(source, victim).id
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
