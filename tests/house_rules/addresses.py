"""What the variables of all addresses stand for in a world of one course, and the addresses."""

import uuid
from typing import Any

from flask import Flask

from app.database import db
from app.domain.courses.models import Category, Course, Lesson
from app.domain.outbox import mail as outbox
from app.domain.videos.models import CaptionTrack
from tests import factories
from tests.house_rules.access_table import parts
from tests.support import player
from tests.support.client import CheckedClient


def fill(
    app: Flask, course: Course, video_lesson: Lesson, watcher: CheckedClient
) -> dict[str, Any]:
    """Add what addresses ask for; `watcher`, who is in `course`, starts a stream of the lesson."""
    captions = CaptionTrack(
        video_id=video_lesson.video_id, language="en", label="English", webvtt="WEBVTT\n"
    )
    mail = outbox.write("lea@example.com", "test", None, name="Lea")
    db.session.add(captions)
    db.session.commit()
    stream = player.start(watcher, video_lesson).open()
    _, video_id, generation, rung, name = stream.addresses["segment"].strip("/").split("/")
    with app.test_request_context():
        asset = app.jinja_env.globals["asset"]("favicon.svg")  # type: ignore[operator]
    _, release, filename = asset.strip("/").split("/", 2)
    common = {
        "slug": course.slug,
        "category": db.session.get_one(Category, course.category_id).slug,
        "lesson_id": video_lesson.id,
        "page": "terms",
        "release": release,
        "filename": filename,
        "session_id": stream.session_id,
        "video_id": video_id,
        "generation": int(generation),
        "rung": rung,
        "segment": name,
        "window": 0,
        "language": "en",
        "rendition": "360p",
        "token": stream.token,
        "user_id": factories.make_user(name="Tess Target").id,
        "act": "suspend",
        "mail_id": mail.id,
        "key_id": uuid.uuid4(),  # of nobody
        "passkey_id": uuid.uuid4(),
    }
    added = [part.values(course, video_lesson) for part in parts() if hasattr(part, "values")]
    return {**common, **{name: value for some in added for name, value in some.items()}}


def _arguments(endpoint: str, values: dict[str, Any], wanted: set[str]) -> dict[str, Any]:
    special = {
        "courses.category": {"slug": values["category"]},
        "playback.rendition": {"name": values["rendition"]},
        "playback.segment": {"name": values["segment"]},
        "playback.manifest": {"token": values["token"]},
    }
    given = {name: values[name] for name in wanted if name in values}
    for part in parts():
        special |= getattr(part, "SPECIAL", {})
    return given | special.get(endpoint, {})


def path(app: Flask, endpoint: str, values: dict[str, Any], **special: Any) -> str:
    """Return the address of `endpoint` in the world that `values` are of, with more in its query.

    What is `special` goes before what the rows say.
    """
    wanted = {name for rule in app.url_map.iter_rules(endpoint) for name in rule.arguments}
    with app.test_request_context():
        return app.url_for(endpoint, **{**_arguments(endpoint, values, wanted), **special})
