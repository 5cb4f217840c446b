"""Threat 1: to another instructor a course, its sections, lessons and videos do not exist."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from app.database import db
from app.domain.accounts.api_keys import Scope
from app.domain.accounts.models import Role, User
from app.domain.courses.models import Course, Lesson, Section
from tests import factories
from tests.support import keys
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]

# Method, address, body; `course`, `section` and `lesson` stand for ids of somebody else's.
ACTS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "courses/{course}", None),
    ("PATCH", "courses/{course}", {"title": "Mine now"}),
    ("PATCH", "courses/{course}", {"status": "draft"}),
    ("DELETE", "courses/{course}", None),
    ("POST", "courses/{course}/duplicate", {}),
    ("GET", "courses/{course}/checklist", None),
    ("GET", "courses/{course}/versions", None),
    ("PUT", "courses/{course}/outline", {"outline_version": 1, "sections": []}),
    ("GET", "sections?course_id={course}", None),
    ("GET", "lessons?course_id={course}", None),
    ("POST", "sections", {"course_id": "{course}", "title": "Mine"}),
    ("GET", "sections/{section}", None),
    ("PATCH", "sections/{section}", {"title": "Mine"}),
    ("DELETE", "sections/{section}", None),
    ("POST", "lessons", {"section_id": "{section}", "title": "Mine"}),
    ("GET", "lessons/{lesson}", None),
    ("PATCH", "lessons/{lesson}", {"body": "Mine"}),
    ("DELETE", "lessons/{lesson}", None),
]
NAMES = [f"{method} {path} {index}" for index, (method, path, _) in enumerate(ACTS)]


@pytest.fixture
def theirs(course: Course, video_lesson: Lesson) -> dict[str, uuid.UUID]:
    """What belongs to another instructor."""
    section_id = video_lesson.section_id
    return {"course": course.id, "section": section_id, "lesson": video_lesson.id}


@pytest.fixture
def colleague() -> User:
    """An instructor with a course of their own."""
    user = factories.make_user(Role.INSTRUCTOR, name="Carl Colleague")
    factories.make_lesson(factories.make_section(factories.make_course(user)))
    return user


def _ask(client: CheckedClient, act: int, ids: dict[str, uuid.UUID]) -> Any:
    method, path, body = ACTS[act]
    if body is not None:
        given = {"json": {n: v.format(**ids) if isinstance(v, str) else v for n, v in body.items()}}
    else:
        given = {}
    return client.open(f"/api/admin/{path.format(**ids)}", method=method, **given)


def _state() -> list[tuple[Any, ...]]:
    db.session.expire_all()
    courses = db.session.execute(select(Course.id, Course.title, Course.status, Course.version))
    sections = db.session.execute(select(Section.id, Section.title, Section.version))
    lessons = db.session.execute(select(Lesson.id, Lesson.body, Lesson.section_id, Lesson.version))
    return sorted(tuple(map(str, row)) for rows in (courses, sections, lessons) for row in rows)


def test_what_is_somebody_elses_is_nothing(
    client_of: ClientOf, colleague: User, theirs: dict[str, uuid.UUID]
) -> None:
    before = _state()
    client = client_of(colleague)
    for act, name in enumerate(NAMES):
        foreign = _ask(client, act, theirs)
        unknown = _ask(client, act, {kind: uuid.uuid4() for kind in theirs})
        assert foreign.status_code == unknown.status_code == 404, name
        assert foreign.get_json()["detail"] == unknown.get_json()["detail"], name
        assert foreign.get_json().keys() == unknown.get_json().keys(), name
    assert _state() == before


def test_a_key_of_a_colleague_opens_no_more_than_they_do(
    app: Any, colleague: User, theirs: dict[str, uuid.UUID]
) -> None:
    before = _state()
    program = keys.client_with(app, keys.make_key(colleague, Scope))
    for act, name in enumerate(NAMES):
        assert _ask(program, act, theirs).status_code == 404, name
    assert _state() == before


@pytest.mark.parametrize("role", [Role.LEARNER, Role.SUPPORT])
def test_who_makes_no_courses_changes_none(
    client_of: ClientOf, theirs: dict[str, uuid.UUID], role: Role
) -> None:
    before = _state()
    client = client_of(factories.make_user(role))
    for act in range(len(ACTS)):
        assert _ask(client, act, theirs).status_code == 403, NAMES[act]
    assert _state() == before


def test_a_key_that_may_read_changes_nothing(
    app: Any, instructor: User, theirs: dict[str, uuid.UUID]
) -> None:
    before = _state()
    program = keys.client_with(app, keys.make_key(instructor, [Scope.ADMIN_READ]))
    for act, (method, _, _) in enumerate(ACTS):
        answer = _ask(program, act, theirs)
        if method == "GET":
            assert answer.status_code == 200, NAMES[act]
        else:
            assert (answer.status_code, answer.get_json()["code"]) == (403, "SCOPE_MISSING")
    assert _state() == before


def test_nobody_shows_a_colleagues_video(
    client_of: ClientOf, colleague: User, video_lesson: Lesson
) -> None:
    """Shown in a lesson of one's own it could be watched, and its captions read."""
    mine = db.session.scalars(
        select(Lesson)
        .join(Course, Course.id == Lesson.course_id)
        .where(Course.instructor_id == colleague.id)
    ).one()
    client = client_of(colleague)
    for video_id in (video_lesson.video_id, uuid.uuid4()):
        answer = client.patch(f"/api/admin/lessons/{mine.id}", json={"video_id": str(video_id)})
        assert answer.status_code == 422
        assert answer.get_json()["errors"][0]["field"] == "video_id"
    db.session.expire_all()
    assert mine.video_id is None


def test_nobody_moves_a_lesson_into_a_colleagues_course_or_out_of_it(
    client_of: ClientOf, colleague: User, instructor: User, theirs: dict[str, uuid.UUID]
) -> None:
    own_section = db.session.scalars(
        select(Section)
        .join(Course, Course.id == Section.course_id)
        .where(Course.instructor_id == colleague.id)
    ).one()
    own_lesson = db.session.scalars(
        select(Lesson.id).where(Lesson.section_id == own_section.id)
    ).one()
    before = _state()
    client = client_of(colleague)
    into = client.patch(
        f"/api/admin/lessons/{own_lesson}", json={"section_id": str(theirs["section"])}
    )
    out = client.patch(
        f"/api/admin/lessons/{theirs['lesson']}", json={"section_id": str(own_section.id)}
    )
    assert (into.status_code, out.status_code) == (422, 404)
    assert _state() == before
