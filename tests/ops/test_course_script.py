"""A script makes a course over real HTTP: gunicorn answers it, a worker prepares its video."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from app.database import db
from app.domain.accounts.api_keys import Scope
from app.domain.accounts.models import Role
from app.domain.courses.models import Course, Lesson
from app.domain.videos.models import Video
from tests import factories
from tests.support import course_script, keys
from tests.support.known_secrets import SECRETS
from tests.support.media import make_source
from tests.support.server import WORKER, LiveServer, base_environment, running

TIMEOUT_SECONDS = 200


@pytest.fixture(autouse=True)
def db_session() -> None:
    """The script's course is committed for real, to a database of its own."""


def test_a_script_makes_uploads_and_publishes_a_course_that_people_find(
    committed_app: Flask, serve: Callable[..., LiveServer], tmp_path: Path
) -> None:
    factories.make_category(name="Crafts")
    key = keys.make_key(factories.make_user(Role.INSTRUCTOR), (Scope.ADMIN_READ, Scope.ADMIN_WRITE))
    clip = make_source(tmp_path / "bowline.mp4", seconds=4, size="320x180", rate="15")
    settings = committed_app.extensions["settings"]
    environment = {
        **{name: SECRETS[name] for name in SECRETS},
        "APP_ENV": "development",
        "DATABASE_URL": settings.database_url,
        "DATA_DIR": str(settings.data_dir),
    }
    server = serve()
    with running(WORKER, environment, tmp_path / "worker.log"):
        done = subprocess.run(
            [sys.executable, "-I", str(Path(course_script.__file__)), server.url, str(clip)],
            env={**base_environment(), "API_KEY": key},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    assert done.returncode == 0, done.stderr + server.log[-2000:]
    slug = done.stdout.split()[-1]
    with urllib.request.urlopen(f"{server.url}/api/courses?q=knots", timeout=10) as answer:
        assert [item["slug"] for item in json.load(answer)["items"]] == [slug]
    with urllib.request.urlopen(f"{server.url}/courses/{slug}", timeout=10) as answer:
        assert "The bowline" in answer.read().decode()
    course = db.session.query(Course).filter_by(slug=slug).one()
    assert (course.lesson_count, course.duration_seconds) == (2, 4)
    film = db.session.query(Lesson).filter_by(title="The bowline").one()
    assert film.is_preview
    video = db.session.get_one(Video, film.video_id)
    assert video.source_sha256 == video.declared_sha256
    assert video.is_complete
