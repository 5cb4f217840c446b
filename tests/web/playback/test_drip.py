"""No way of watching, reading or ticking off a lesson leads past the day its chapter opens."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.clock import shifted
from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.models import Course, Lesson, LessonKind, Section
from tests import factories
from tests.support.client import CheckedClient

A_WEEK = timedelta(days=7, seconds=1)


@pytest.fixture
def pupil(client_of: Callable[[User], CheckedClient], enrolled: User) -> CheckedClient:
    """Somebody who enrolled just now."""
    return client_of(enrolled)


@pytest.fixture
def later(course: Course) -> Lesson:
    """A video whose chapter opens a week after the enrollment."""
    section = factories.make_section(course, 2, title="The second week", opens_after_days=7)
    video = factories.make_ready_video()
    common = {"kind": LessonKind.VIDEO, "duration_seconds": 60}
    return factories.make_lesson(section, title="Patterns", video_id=video.id, **common)


def _token(client: CheckedClient, lesson: Lesson):
    return client.post("/api/playback/token", json={"lesson_id": str(lesson.id)})


def test_token_is_given_from_the_day_on(pupil: CheckedClient, later: Lesson) -> None:
    refused = _token(pupil, later)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "LESSON_NOT_OPEN")
    assert refused.get_json()["opens_at"].endswith("Z")
    with shifted(A_WEEK):
        assert _token(pupil, later).status_code == 201


def test_page_says_when_it_opens_and_shows_no_player(
    pupil: CheckedClient, course: Course, later: Lesson
) -> None:
    page = pupil.get(f"/learn/{course.slug}/{later.id}")
    text = page.get_data(as_text=True)
    assert page.status_code == 403
    assert "This lesson opens later" in text
    assert "It opens on" in text
    assert 'data-part="config"' not in text
    with shifted(A_WEEK):
        opened = pupil.get(f"/learn/{course.slug}/{later.id}")
    assert opened.status_code == 200
    assert 'data-part="config"' in opened.get_data(as_text=True)


def test_ticking_off_waits_too(
    pupil: CheckedClient, course: Course, text_lesson: Lesson, later: Lesson
) -> None:
    form = f"/learn/{course.slug}/{text_lesson.id}"
    refused = pupil.post_form(f"/learn/{course.slug}/{later.id}/complete", page=form)
    assert refused.status_code == 403
    assert "opens later" in refused.get_data(as_text=True)


def test_a_stream_ends_when_its_chapter_is_put_off(
    pupil: CheckedClient, course: Course, video_lesson: Lesson
) -> None:
    started = _token(pupil, video_lesson).get_json()
    lease = f"/api/playback/sessions/{started['session_id']}"
    manifest = pupil.get(started["manifest_url"])
    beat = {"position_seconds": 1.0, "watched": [], "rate": 1.0, "playing": True}
    assert manifest.status_code == 200
    assert pupil.post(f"{lease}/heartbeat", json=beat).status_code == 200
    section = db.session.get_one(Section, video_lesson.section_id)
    section.opens_after_days = 3
    db.session.commit()
    for answer in (
        pupil.get(started["manifest_url"]),
        pupil.post(f"{lease}/heartbeat", json=beat),
    ):
        assert (answer.status_code, answer.get_json()["code"]) == (410, "SESSION_ENDED")


def test_json_of_the_course_names_the_moment(
    pupil: CheckedClient, course: Course, later: Lesson
) -> None:
    first, second = pupil.get(f"/api/courses/{course.slug}").get_json()["sections"]
    assert (first["opens_after_days"], first["opens_at"]) == (0, None)
    assert second["opens_after_days"] == 7
    lesson = second["lessons"][0]
    assert lesson["locked"]
    assert lesson["opens_at"] == second["opens_at"]
    with shifted(A_WEEK):
        second = pupil.get(f"/api/courses/{course.slug}").get_json()["sections"][1]
    assert second["opens_at"] is None
    assert not second["lessons"][0]["locked"]


def test_course_page_tells_learners_the_day_and_visitors_the_wait(
    pupil: CheckedClient, client: CheckedClient, course: Course, later: Lesson
) -> None:
    assert "Opens <time" in pupil.get(f"/courses/{course.slug}").get_data(as_text=True)
    told = client.get(f"/courses/{course.slug}").get_data(as_text=True)
    assert "Opens 7 days after you join" in told
