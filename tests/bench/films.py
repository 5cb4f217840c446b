"""Row 13: how long after its upload a one-minute clip can be watched, and when all of it is.

The reference is ffmpeg alone: one command that makes the same rungs of the same file, and neither
looks at it before, nor encrypts, stores and proves what it made.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from flask_migrate import upgrade
from imageio_ffmpeg import get_ffmpeg_exe

from app.domain.videos import ladder
from app.integrations.ffmpeg_commands import encode
from app.integrations.transcoder import EncodeJob
from tests.bench.rows import Goal
from tests.bench.site import DURABLE, settings_of
from tests.bench.uploads import make_key, put
from tests.support.apps import made_app
from tests.support.http import Visitor
from tests.support.media import CAMERA, SCREEN, make_source, transcoder_of
from tests.support.postgres import temporary_server
from tests.support.server import ROOT, gunicorn, running

SECONDS = 60
FIRST_SHARE, WHOLE_SHARE = 0.35, 1.2  # of the reference
SOONEST = 60.0  # seconds from the end of the upload to the first frame
PATIENCE_SECONDS = 600
UNIT = "x one plain ffmpeg"
PICTURES = {"full of grain": CAMERA, "of slides": SCREEN}


def _asked(visitor: Visitor, key: str, method: str, path: str, body: object = None) -> Any:
    answer = visitor.request(method, path, body, {"Authorization": f"Bearer {key}"}, 600)
    if answer.status >= 300:
        raise RuntimeError(f"{path} answered {answer.status}: {answer.text[:500]}")
    return answer.json


def _send(visitor: Visitor, key: str, film: Path) -> str:
    """Upload a film; return its video's id."""
    size = film.stat().st_size
    body = {"filename": film.name, "size_bytes": size, "content_type": "video/mp4"}
    upload, named = _asked(visitor, key, "POST", "/api/admin/uploads", body), []
    with film.open("rb") as source:
        for part in upload["parts"]:
            address = urljoin(visitor.url, "?".join(urlsplit(part["url"])[2:4]))
            etag = put(address, part["size_bytes"], source.read(part["size_bytes"]))
            named.append({"number": part["number"], "etag": etag})
    whole = f"/api/admin/uploads/{upload['upload_id']}/complete"
    media: dict[str, str] = _asked(visitor, key, "POST", whole, {"parts": named})["media"]
    return media["id"]


def _follow(visitor: Visitor, key: str, video_id: str) -> tuple[float, float]:
    """Return the seconds until a video plays, and until it is ready."""
    began, plays_after = time.perf_counter(), None
    while time.perf_counter() - began < PATIENCE_SECONDS:
        media = _asked(visitor, key, "GET", f"/api/admin/media/{video_id}")["media"]
        if plays_after is None and media["is_playable"]:
            plays_after = time.perf_counter() - began
        if media["status"] == "failed":
            raise RuntimeError(f"the transcode failed: {media['error']}")
        if media["status"] == "ready" and plays_after is not None:
            return plays_after, time.perf_counter() - began
        time.sleep(0.25)
    raise RuntimeError("the transcode did not end")


def _plain_seconds(film: Path, target: Path) -> float:
    """Return how long one plain command takes for the ladder that the site chooses."""
    transcoder = transcoder_of()
    info = transcoder.probe(film)
    chosen = ladder.choose(info, transcoder.sample(film, info, target))
    job = EncodeJob(
        film, info, chosen.frame_rate, chosen.frame_count, chosen.rungs, target / "plain"
    )
    for rung in chosen.rungs:
        (job.target / rung.name).mkdir(parents=True)
    began = time.perf_counter()
    with (target / "progress").open("wb") as output:
        subprocess.run([get_ffmpeg_exe(), *encode(job)], check=True, stdout=output)
    return time.perf_counter() - began


def measure(say: Callable[[str], None]) -> list[Goal]:
    """Upload clips to a site with one worker and follow them."""
    goals: list[Goal] = []
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="films-")))
        postgres = stack.enter_context(temporary_server(DURABLE))
        settings = settings_of(postgres.create_database("films"), scratch)
        environment = {**settings, "PUBLIC_BASE_URL": "http://127.0.0.1"}
        app = stack.enter_context(made_app(environment))
        with app.app_context():
            upgrade(directory=str(ROOT / "migrations"))
            key = make_key()
        visitor = Visitor(stack.enter_context(gunicorn(environment, scratch)).url)
        worker = [sys.executable, "-m", "flask", "--app", "wsgi", "worker"]
        stack.enter_context(running(worker, environment, scratch / "worker.log"))
        for name, picture in PICTURES.items():
            film = scratch / "film.mp4"
            make_source(film, seconds=SECONDS, size="1280x720", picture=picture)
            plays_after, ready_after = _follow(visitor, key, _send(visitor, key, film))
            with tempfile.TemporaryDirectory(prefix="plain-") as folder:
                plain = _plain_seconds(film, Path(folder))
            what = f"one minute of 720p {name}: after its upload"
            goals += [
                Goal(13, f"{what} the first frame", SOONEST, "s", plays_after),
                Goal(13, f"{what} the first frame", FIRST_SHARE, UNIT, plays_after / plain),
                Goal(13, f"{what} all of it", WHOLE_SHARE, UNIT, ready_after / plain),
            ]
            say(
                f"films: {name}: plays after {plays_after:.1f} s, ready after {ready_after:.1f} s,"
                f" one plain command {plain:.1f} s"
            )
    return goals
