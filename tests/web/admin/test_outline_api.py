"""Sections and lessons made by JSON: their fields, their places, their end."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.models import Course, CourseStatus, Enrollment, Lesson, LessonProgress
from tests import factories
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
Order = list[tuple[str, list[str]]]


@pytest.fixture
def maker(client_of: ClientOf, instructor: User) -> CheckedClient:
    """The instructor, by browser."""
    return client_of(instructor)


@pytest.fixture
def draft(instructor: User) -> Course:
    """Two sections, A with lessons a1 to a3 and B with b1."""
    course = factories.make_course(instructor, status=CourseStatus.DRAFT)
    for at, (title, lessons) in enumerate([("A", ["a1", "a2", "a3"]), ("B", ["b1"])], start=1):
        section = factories.make_section(course, at, title=title)
        for place, name in enumerate(lessons, start=1):
            factories.make_lesson(section, place, title=name)
    return course


def _sections(client: CheckedClient, course: Course) -> list[dict[str, Any]]:
    document = client.get(f"/api/admin/courses/{course.id}").get_json()["course"]
    sections: list[dict[str, Any]] = document["sections"]
    for rows in (sections, *(section["lessons"] for section in sections)):
        assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    return sections


def _order(client: CheckedClient, course: Course) -> Order:
    sections = _sections(client, course)
    return [(each["title"], [row["title"] for row in each["lessons"]]) for each in sections]


def _ids(client: CheckedClient, course: Course) -> dict[str, str]:
    sections = _sections(client, course)
    rows = [row for section in sections for row in (section, *section["lessons"])]
    return {row["title"]: row["id"] for row in rows}


def _put(client: CheckedClient, course: Course, version: int, order: Order) -> Any:
    ids = _ids(client, course)
    sections = [{"id": ids[a], "lessons": [ids[b] for b in lessons]} for a, lessons in order]
    body = {"outline_version": version, "sections": sections}
    return client.put(f"/api/admin/courses/{course.id}/outline", json=body)


def test_a_section_and_lessons_of_each_kind_are_added_where_they_belong(
    maker: CheckedClient, draft: Course
) -> None:
    body = {"course_id": str(draft.id), "title": "First", "position": 1}
    section = maker.post("/api/admin/sections", json=body)
    assert (section.status_code, section.get_json()["outline_version"]) == (201, 2)
    section_id = section.get_json()["section"]["id"]
    for kind in ("video", "text", "pdf"):
        lesson = {"section_id": section_id, "title": kind, "kind": kind, "position": 1}
        answer = maker.post("/api/admin/lessons", json=lesson)
        assert (answer.status_code, answer.get_json()["lesson"]["kind"]) == (201, kind)
    last = {"section_id": section_id, "title": "last", "kind": "text", "body": "*Hi*"}
    made = maker.post("/api/admin/lessons", json=last | {"is_preview": True}).get_json()["lesson"]
    assert (made["body"], made["is_preview"]) == ("*Hi*", True)
    assert _order(maker, draft)[0] == ("First", ["pdf", "text", "video", "last"])
    document = maker.get(f"/api/admin/courses/{draft.id}").get_json()["course"]
    assert (document["lesson_count"], document["outline_version"]) == (8, 6)


def test_the_whole_outline_is_put_in_order_across_sections(
    maker: CheckedClient, draft: Course
) -> None:
    wanted: Order = [("B", ["a3", "b1", "a1"]), ("A", ["a2"])]
    answer = _put(maker, draft, 1, wanted)
    assert (answer.status_code, answer.get_json()["course"]["outline_version"]) == (200, 2)
    assert _order(maker, draft) == wanted
    again = _put(maker, draft, 1, wanted)
    assert again.get_json()["course"]["outline_version"] == 2, "repeated after a lost answer"


def test_an_order_made_on_an_older_outline_is_refused_with_the_newer(
    maker: CheckedClient, draft: Course
) -> None:
    assert _put(maker, draft, 1, [("B", ["b1"]), ("A", ["a1", "a2", "a3"])]).status_code == 200
    refused = _put(maker, draft, 1, [("A", ["a3", "a2", "a1"]), ("B", ["b1"])])
    assert (refused.status_code, refused.get_json()["code"]) == (409, "VERSION_CONFLICT")
    current = refused.get_json()["current"]
    assert current["outline_version"] == 2
    assert [section["title"] for section in current["sections"]] == ["B", "A"]
    assert [lesson["title"] for lesson in current["sections"][1]["lessons"]] == ["a1", "a2", "a3"]


@pytest.mark.parametrize(
    "order",
    [
        [("A", ["a1", "a2", "a3"])],
        [("A", ["a1", "a2"]), ("B", ["b1"])],
        [("A", ["a1", "a1", "a2", "a3"]), ("B", ["b1"])],
        [("A", ["a1", "a2", "a3"]), ("B", ["b1"]), ("B", [])],
    ],
    ids=["a section less", "a lesson less", "a lesson twice", "a section twice"],
)
def test_an_order_that_loses_or_doubles_something_is_refused(
    maker: CheckedClient, draft: Course, order: Order
) -> None:
    refused = _put(maker, draft, 1, order)
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["field"] == "sections"
    assert _order(maker, draft) == [("A", ["a1", "a2", "a3"]), ("B", ["b1"])]


def test_an_order_takes_no_lesson_of_another_course(maker: CheckedClient, draft: Course) -> None:
    other = factories.make_lesson(factories.make_section(factories.make_course()), title="x")
    ids = _ids(maker, draft)
    lessons = [ids["a1"], ids["a2"], str(other.id)]
    sections = [{"id": ids["A"], "lessons": lessons}, {"id": ids["B"], "lessons": [ids["b1"]]}]
    body = {"outline_version": 1, "sections": sections}
    answer = maker.put(f"/api/admin/courses/{draft.id}/outline", json=body)
    assert answer.status_code == 422
    assert db.session.get_one(Lesson, other.id).course_id != draft.id


def test_one_lesson_moves_within_and_between_sections(maker: CheckedClient, draft: Course) -> None:
    ids = _ids(maker, draft)
    moves: list[tuple[dict[str, Any], Order]] = [
        ({"position": 1}, [("A", ["a3", "a1", "a2"]), ("B", ["b1"])]),
        ({"position": 99}, [("A", ["a1", "a2", "a3"]), ("B", ["b1"])]),
        ({"section_id": ids["B"], "position": 1}, [("A", ["a1", "a2"]), ("B", ["a3", "b1"])]),
        ({"section_id": ids["A"]}, [("A", ["a1", "a2", "a3"]), ("B", ["b1"])]),
    ]
    for body, expected in moves:
        answer = maker.patch(f"/api/admin/lessons/{ids['a3']}", json=body)
        assert answer.status_code == 200, answer.text
        assert _order(maker, draft) == expected
    assert answer.get_json()["lesson"]["version"] == 1, "a place is the outline's"
    assert answer.get_json()["outline_version"] == 5
    moved = maker.patch(f"/api/admin/sections/{ids['B']}", json={"position": 1})
    assert moved.get_json()["section"]["position"] == 1
    assert [title for title, _ in _order(maker, draft)] == ["B", "A"]


def test_a_lesson_moves_into_no_other_course(maker: CheckedClient, draft: Course) -> None:
    mine = factories.make_course(db.session.get_one(User, draft.instructor_id))
    other = factories.make_section(mine)
    answer = maker.patch(
        f"/api/admin/lessons/{_ids(maker, draft)['a1']}", json={"section_id": str(other.id)}
    )
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == "section_id"


def test_a_change_on_an_older_lesson_is_refused_with_the_newer_text(
    maker: CheckedClient, draft: Course
) -> None:
    address = f"/api/admin/lessons/{_ids(maker, draft)['a1']}"
    assert maker.patch(address, json={"version": 1, "body": "Theirs"}).status_code == 200
    refused = maker.patch(address, json={"version": 1, "body": "Mine"})
    assert (refused.status_code, refused.get_json()["code"]) == (409, "VERSION_CONFLICT")
    assert refused.get_json()["current"]["body"] == "Theirs"
    assert refused.get_json()["current"]["version"] == 2
    repeated = maker.patch(address, json={"version": 1, "body": "Theirs"})
    assert repeated.get_json()["lesson"]["version"] == 2
    section = f"/api/admin/sections/{_ids(maker, draft)['A']}"
    assert maker.patch(section, json={"version": 1, "title": "One"}).status_code == 200
    stale = maker.patch(section, json={"version": 1, "opens_after_days": 3})
    assert stale.get_json()["current"]["title"] == "One"


@pytest.mark.parametrize(
    ("path", "change", "field"),
    [
        ("lessons", {"title": " "}, "title"),
        ("lessons", {"title": "x" * 121}, "title"),
        ("lessons", {"body": "x" * 100_001}, "body"),
        ("lessons", {"kind": "quiz"}, "kind"),
        ("lessons", {"duration_seconds": 5}, "duration_seconds"),
        ("lessons", {"course_id": "x"}, "course_id"),
        ("sections", {"title": ""}, "title"),
        ("sections", {"opens_after_days": -1}, "opens_after_days"),
        ("sections", {"opens_after_days": 2**40}, "opens_after_days"),
    ],
)
def test_a_wrong_field_is_named(
    maker: CheckedClient, draft: Course, path: str, change: dict[str, Any], field: str
) -> None:
    name = {"lessons": "a1", "sections": "A"}[path]
    answer = maker.patch(f"/api/admin/{path}/{_ids(maker, draft)[name]}", json=change)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.get_json()["errors"]] == [field]


def test_a_video_is_shown_taken_off_and_decides_the_length(
    maker: CheckedClient, instructor: User, draft: Course
) -> None:
    video = factories.make_video(duration_seconds=90.5, uploaded_by_id=instructor.id)
    address = f"/api/admin/lessons/{_ids(maker, draft)['a1']}"
    shown = maker.patch(address, json={"video_id": str(video.id)}).get_json()["lesson"]
    assert (shown["kind"], shown["duration_seconds"]) == ("video", 91)
    assert shown["video"]["id"] == str(video.id)
    assert shown["video"]["is_playable"]
    refused = maker.patch(address, json={"kind": "text"})
    assert refused.get_json()["errors"][0]["field"] == "kind"
    off = maker.patch(address, json={"kind": "text", "video_id": None}).get_json()["lesson"]
    assert (off["kind"], off["duration_seconds"], off["video"]) == ("text", 0, None)
    document = maker.get(f"/api/admin/courses/{draft.id}").get_json()["course"]
    assert document["duration_seconds"] == 0


def test_deleting_closes_ranks_and_takes_progress_along(
    maker: CheckedClient, draft: Course, learner: User
) -> None:
    ids = _ids(maker, draft)
    tick = {"user_id": learner.id, "course_id": draft.id, "completed_at": utcnow()}
    db.session.add_all(LessonProgress(lesson_id=UUID(ids[name]), **tick) for name in ("a2", "a1"))
    db.session.commit()
    assert maker.delete(f"/api/admin/lessons/{ids['a2']}").status_code == 204
    assert maker.delete(f"/api/admin/lessons/{ids['a2']}").status_code == 404
    assert _order(maker, draft) == [("A", ["a1", "a3"]), ("B", ["b1"])]
    left = db.session.scalars(select(LessonProgress.lesson_id)).all()
    assert [str(lesson_id) for lesson_id in left] == [ids["a1"]]
    assert maker.delete(f"/api/admin/sections/{ids['A']}").status_code == 204
    assert _order(maker, draft) == [("B", ["b1"])]
    document = maker.get(f"/api/admin/courses/{draft.id}").get_json()["course"]
    assert document["lesson_count"] == 1


def test_who_had_done_all_that_is_left_has_finished_the_course(
    maker: CheckedClient, draft: Course, learner: User
) -> None:
    factories.make_enrollment(learner, draft)
    beginner = factories.make_user()
    factories.make_enrollment(beginner, draft)
    ids = _ids(maker, draft)
    for person, names in ((learner, ("a1", "a2", "a3")), (beginner, ("a1",))):
        for name in names:
            tick = {"user_id": person.id, "course_id": draft.id, "completed_at": utcnow()}
            db.session.add(LessonProgress(lesson_id=UUID(ids[name]), **tick))
    db.session.commit()
    maker.delete(f"/api/admin/lessons/{ids['b1']}")
    db.session.expire_all()
    finished = select(Enrollment.user_id).where(Enrollment.completed_at.is_not(None))
    assert db.session.scalars(finished).all() == [learner.id]


def test_an_open_course_keeps_one_lesson(maker: CheckedClient, draft: Course) -> None:
    draft.status = CourseStatus.PUBLISHED
    db.session.commit()
    ids = _ids(maker, draft)
    assert maker.delete(f"/api/admin/sections/{ids['A']}").status_code == 204
    for path in (f"sections/{ids['B']}", f"lessons/{ids['b1']}"):
        refused = maker.delete(f"/api/admin/{path}")
        assert (refused.status_code, refused.get_json()["code"]) == (409, "IN_USE")
    assert _order(maker, draft) == [("B", ["b1"])]


def test_lists_name_a_course_and_are_in_order(maker: CheckedClient, draft: Course) -> None:
    query = {"course_id": str(draft.id)}
    sections = maker.get("/api/admin/sections", query_string=query).get_json()
    lessons = maker.get("/api/admin/lessons", query_string=query).get_json()
    assert [row["title"] for row in sections["items"]] == ["A", "B"]
    assert [row["title"] for row in lessons["items"]] == ["a1", "a2", "a3", "b1"]
    for path in ("sections", "lessons"):
        row = (sections if path == "sections" else lessons)["items"][0]
        one = maker.get(f"/api/admin/{path}/{row['id']}").get_json()
        assert one[path.removesuffix("s")] == row
        wrong = maker.get(f"/api/admin/{path}", query_string={"course_id": "x"})
        assert wrong.get_json()["errors"][0]["field"] == "course_id"
