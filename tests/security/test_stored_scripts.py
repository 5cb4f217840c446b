"""Threat 9: what people write is shown as text: no name, title or text of theirs runs as script."""

import json
from collections.abc import Callable

import pytest
from flask import Flask

from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.courses.models import Course, Lesson
from app.domain.videos.models import CaptionTrack
from tests import factories
from tests.support import html, keys
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
HOSTILE = "</title></script><script>alert(1)</script><img src=x onerror=alert(1)>"
MARKDOWN = (
    f"# Hello {HOSTILE}\n\n[press](javascript:alert(1)) <svg onload=alert(1)>"
    "<a href='data:text/html,<script>alert(1)</script>'>here</a>"
    "<iframe src='https://evil.example'></iframe><form action='https://evil.example'></form>"
)


def _is_harmless(markup: str) -> None:
    """Fail for anything of the hostile texts that became more than text."""
    page = html.parse(markup)
    assert not html.faults(markup)
    for script in page.find_all("script"):
        if script.get("type") == "application/json":
            json.loads(script.get_text())  # which a text that ends the element would cut short
        else:
            assert "alert(1)" not in script.get_text()
    assert not page.find("img", src="x")
    assert not page.find_all(["iframe", "object", "embed", "base"])
    addresses = [tag.get(name) or "" for tag in page.find_all(True) for name in ("href", "src")]
    assert not [a for a in addresses if a.startswith(("javascript:", "data:text"))]
    actions = [form.get("action") or "" for form in page.find_all("form")]
    assert not [action for action in actions if "evil" in action]


@pytest.fixture
def hostile_course(course: Course, video_lesson: Lesson, text_lesson: Lesson) -> Course:
    """A course whose every word was written by somebody with bad intent."""
    course.title = f"Course {HOSTILE}"
    course.pitch = HOSTILE
    course.description = MARKDOWN
    course.outcomes = [HOSTILE]
    video_lesson.title = text_lesson.title = HOSTILE
    text_lesson.body = MARKDOWN
    track = {
        "language": "en",
        "label": HOSTILE,
        "webvtt": f"WEBVTT\n\n00:00.000 --> 00:01.000\n{HOSTILE}\n",
    }
    db.session.add(CaptionTrack(video_id=video_lesson.video_id, **track))
    db.session.commit()
    return course


@pytest.mark.parametrize(
    "path", ["/courses", "/courses/{slug}", "/learn/{slug}/{video}", "/learn/{slug}/{text}"]
)
def test_words_of_a_course_stay_words(
    client_of: ClientOf,
    enrolled: User,
    hostile_course: Course,
    video_lesson: Lesson,
    text_lesson: Lesson,
    path: str,
) -> None:
    slug = hostile_course.slug
    address = path.format(slug=slug, video=video_lesson.id, text=text_lesson.id)
    page = client_of(enrolled).get(address)
    assert page.status_code == 200
    assert "alert(1)" in page.text, "the words are there, as words"
    _is_harmless(page.text)


def test_names_of_people_and_keys_stay_names(client_of: ClientOf, learner: User) -> None:
    learner.name = HOSTILE
    db.session.commit()
    keys.make_key(learner, name=HOSTILE[:60])
    client = client_of(learner)
    for path in ("/dashboard", "/account", "/account/api-keys", "/account/sessions"):
        page = client.get(path)
        assert page.status_code == 200, path
        _is_harmless(page.text)


def test_staff_reads_hostile_names_unharmed(client_of: ClientOf, hostile_course: Course) -> None:
    """The administration is where an attacker wants a script to run."""
    person = factories.make_user(name=HOSTILE, email='"<b>"@example.com')
    client = client_of(factories.make_user(Role.ADMIN))
    for path in ("/admin", "/admin/courses", "/admin/users", f"/admin/users/{person.id}"):
        page = client.get(path)
        assert page.status_code == 200, path
        _is_harmless(page.text)


def test_what_is_typed_into_an_address_stays_text(client: CheckedClient) -> None:
    for path in ("/courses", "/auth/sign-in", "/nowhere"):
        page = client.get(path, query_string={"q": HOSTILE, "next": HOSTILE, "category": HOSTILE})
        _is_harmless(page.text)


def test_captions_are_served_as_captions(
    client_of: ClientOf, enrolled: User, hostile_course: Course, video_lesson: Lesson
) -> None:
    client = client_of(enrolled)
    body = {"lesson_id": str(video_lesson.id)}
    session_id = client.post("/api/playback/token", json=body).get_json()["session_id"]
    answer = client.get(f"/api/playback/sessions/{session_id}/captions/en.vtt")
    assert answer.mimetype == "text/vtt"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_every_answer_forbids_what_slipped_through(app: Flask, client: CheckedClient) -> None:
    for path in ("/", "/courses", "/nowhere", "/api/courses", "/api/nowhere", "/auth/sign-in"):
        policy = client.get(path).headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "unsafe-inline" not in policy
        assert "require-trusted-types-for 'script'" in policy
