"""A course made by JSON: its fields, its state, its checklist, its copies, its end."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from app.current import integrations
from app.database import db
from app.domain.accounts.models import Role, User, UserStatus
from app.domain.audit.models import AuditEvent
from app.domain.courses import cover_images
from app.domain.courses.file_models import CourseFile
from app.domain.courses.models import Course, CourseStatus, Enrollment, Lesson, LessonKind
from app.domain.videos.models import Video, VideoStatus
from tests import factories
from tests.support.client import CheckedClient
from tests.support.orders import make_order

ClientOf = Callable[[User], CheckedClient]
COURSES = "/api/admin/courses"


@pytest.fixture
def maker(client_of: ClientOf, instructor: User) -> CheckedClient:
    """The instructor of `course`, by browser."""
    return client_of(instructor)


def _course(client: CheckedClient, course_id: object) -> dict[str, Any]:
    document: dict[str, Any] = client.get(f"{COURSES}/{course_id}").get_json()["course"]
    return document


def _patch(client: CheckedClient, course: Course, **changes: Any) -> Any:
    return client.patch(f"{COURSES}/{course.id}", json=changes)


def _fields(answer: Any) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [fault["field"] for fault in answer.get_json()["errors"]]


def _noted() -> list[str]:
    events = db.session.query(AuditEvent).order_by(AuditEvent.id)
    return [event.action for event in events if event.action.startswith("course.")]


def test_a_draft_is_made_of_a_title(maker: CheckedClient, instructor: User) -> None:
    assert _fields(maker.post(COURSES, json={"title": "Knots"})) == ["category_id"], "no shelf yet"
    factories.make_category()
    answer = maker.post(COURSES, json={"title": "  Knots \n for sailors "})
    course = answer.get_json()["course"]
    assert answer.status_code == 201
    assert (course["title"], course["slug"]) == ("Knots for sailors", "knots-for-sailors")
    assert (course["status"], course["version"], course["sections"]) == ("draft", 1, [])
    assert course["instructor"] == {"id": str(instructor.id), "name": instructor.name}
    assert course == _course(maker, course["id"])
    assert _noted() == ["course.created"]


def test_two_courses_of_one_title_have_addresses_of_their_own(maker: CheckedClient) -> None:
    factories.make_category()
    titles = ["Knots", "Knots", "ጤና ይስጥልኝ", "Enrolled"]
    slugs = [maker.post(COURSES, json={"title": t}).get_json()["course"]["slug"] for t in titles]
    assert slugs[:2] == ["knots", "knots-2"]
    assert slugs[2].startswith("course-"), "no Latin letter to make an address of"
    assert slugs[3].startswith("course-"), "the site answers at /api/courses/enrolled itself"


def test_fields_change_one_by_one_and_count_the_version_up(
    maker: CheckedClient, course: Course
) -> None:
    shelf = factories.make_category()
    changes: list[dict[str, Any]] = [
        {"title": "Weaving"},
        {"pitch": "Cloth from thread."},
        {"description": "# All\r\nof it"},
        {"category_id": str(shelf.id)},
        {"level": "advanced"},
        {"language": "am"},
        {"price": {"amount_minor": 4900, "currency": "ETB"}},
        {"outcomes": ["Weave", " ", "Dye"]},
        {"requirements": ["A loom"]},
        {"enrollment_policy": "approval"},
        {"has_certificate": True},
        {"has_discussion": False},
        {"seat_limit": 40},
    ]
    for version, change in enumerate(changes, start=1):
        answer = _patch(maker, course, version=version, **change)
        assert answer.status_code == 200, answer.text
        assert answer.get_json()["course"]["version"] == version + 1
    shown = _course(maker, course.id)
    assert shown["description"] == "# All\nof it"
    assert shown["category"]["id"] == str(shelf.id)
    assert shown["price"] == {"amount_minor": 4900, "currency": "ETB"}
    assert shown["outcomes"] == ["Weave", "Dye"]
    assert (shown["level"], shown["language"]) == ("advanced", "am")
    assert (shown["has_certificate"], shown["has_discussion"]) == (True, False)
    assert shown["seat_limit"] == 40
    assert _noted() == ["course.changed"] * 3, "the price, the policy, the seats, no words"
    assert _patch(maker, course, seat_limit=None).get_json()["course"]["seat_limit"] is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 121}, "title"),
        ({"title": None}, "title"),
        ({"pitch": "x" * 201}, "pitch"),
        ({"description": "x" * 20_001}, "description"),
        ({"language": "not a language"}, "language"),
        ({"level": "expert"}, "level"),
        ({"category_id": "00000000-0000-4000-8000-000000000000"}, "category_id"),
        ({"price": {"amount_minor": -1, "currency": "USD"}}, "price.amount_minor"),
        ({"price": {"amount_minor": 2**40, "currency": "USD"}}, "price.amount_minor"),
        ({"price": {"amount_minor": 1, "currency": "XXX"}}, "price.currency"),
        ({"price": {"amount_minor": 1.5, "currency": "USD"}}, "price.amount_minor"),
        ({"seat_limit": 0}, "seat_limit"),
        ({"seat_limit": -3}, "seat_limit"),
        ({"seat_limit": 1_000_001}, "seat_limit"),
        ({"seat_limit": 2.5}, "seat_limit"),
        ({"seat_limit": "5"}, "seat_limit"),
        ({"outcomes": ["x"] * 21}, "outcomes"),
        ({"requirements": ["x" * 201]}, "requirements"),
        ({"status": "gone"}, "status"),
        ({"learner_count": 5}, "learner_count"),
        ({"instructor": "me"}, "instructor"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_changes(
    maker: CheckedClient, course: Course, change: dict[str, Any], field: str
) -> None:
    assert _fields(_patch(maker, course, **change)) == [field]
    assert _course(maker, course.id)["version"] == 1


def test_whoever_comes_second_is_shown_what_the_first_wrote(
    maker: CheckedClient, client_of: ClientOf, admin: User, course: Course
) -> None:
    assert _patch(client_of(admin), course, version=1, title="Theirs").status_code == 200
    refused = _patch(maker, course, version=1, title="Mine", pitch="Mine, too")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "VERSION_CONFLICT")
    current = refused.get_json()["current"]
    assert (current["title"], current["version"]) == ("Theirs", 2)
    assert current["pitch"] == course.pitch
    assert _patch(maker, course, version=2, title="Mine").status_code == 200
    assert _patch(maker, course, title="Last write").status_code == 200


def test_a_save_repeated_after_a_lost_answer_succeeds(maker: CheckedClient, course: Course) -> None:
    for _ in range(2):
        answer = _patch(maker, course, version=1, title="Once")
        assert (answer.status_code, answer.get_json()["course"]["version"]) == (200, 2)


def test_the_address_changes_until_the_course_was_published(
    maker: CheckedClient, course: Course
) -> None:
    draft = maker.post(COURSES, json={"title": "Knots"}).get_json()["course"]
    address = f"{COURSES}/{draft['id']}"
    assert _fields(maker.patch(address, json={"slug": course.slug})) == ["slug"]
    for slug in ("Knots", "knots--", "../x", "enrolled", "", "x" * 81):
        assert _fields(maker.patch(address, json={"slug": slug})) == ["slug"]
    changed = maker.patch(address, json={"slug": "knots-for-all"})
    assert changed.get_json()["course"]["slug"] == "knots-for-all"
    assert _fields(_patch(maker, course, slug="another")) == ["slug"], "links lead there"


def test_only_administrators_give_a_course_away_and_only_to_who_teaches(
    maker: CheckedClient, client_of: ClientOf, admin: User, learner: User, course: Course
) -> None:
    colleague = factories.make_user(Role.INSTRUCTOR)
    locked_out = factories.make_user(Role.INSTRUCTOR, status=UserStatus.SUSPENDED)
    mine = _patch(maker, course, instructor_id=str(colleague.id))
    assert (mine.status_code, mine.get_json()["code"]) == (403, "FORBIDDEN")
    staff = client_of(admin)
    for nobody in (learner, locked_out):
        assert _fields(_patch(staff, course, instructor_id=str(nobody.id))) == ["instructor_id"]
    assert _patch(staff, course, instructor_id=str(colleague.id)).status_code == 200
    assert maker.get(f"{COURSES}/{course.id}").status_code == 404
    assert _course(client_of(colleague), course.id)["title"] == course.title


def test_an_unfinished_course_is_not_published_and_says_what_is_missing(
    maker: CheckedClient, instructor: User
) -> None:
    course = factories.make_course(instructor, status=CourseStatus.DRAFT, pitch="", outcomes=[])
    section = factories.make_section(course)
    failed = factories.make_video(VideoStatus.FAILED)
    waiting = factories.make_video(VideoStatus.QUEUED)
    factories.make_lesson(section, 1, kind=LessonKind.VIDEO)
    factories.make_lesson(section, 2, kind=LessonKind.VIDEO, video_id=failed.id)
    factories.make_lesson(section, 3, kind=LessonKind.VIDEO, video_id=waiting.id)
    factories.make_lesson(section, 4, kind=LessonKind.TEXT, body=" \n")
    factories.make_lesson(section, 5, kind=LessonKind.PDF)
    for status in ("published", "unlisted"):
        refused = _patch(maker, course, status=status)
        assert (refused.status_code, refused.get_json()["code"]) == (409, "COURSE_NOT_READY")
        missing = [item["code"] for item in refused.get_json()["checklist"]]
        assert missing == [
            "PITCH", "VIDEO_MISSING", "VIDEO_FAILED", "VIDEO_NOT_READY", "TEXT_EMPTY",
            "DOCUMENT_MISSING",
        ]  # fmt: skip
    assert _course(maker, course.id)["status"] == "draft"
    items = maker.get(f"{COURSES}/{course.id}/checklist").get_json()["items"]
    advice = {item["code"] for item in items if not (item["is_done"] or item["is_required"])}
    assert advice == {"OUTCOMES", "COVER"}
    lesson = next(item for item in items if item["code"] == "TEXT_EMPTY")
    assert lesson["lesson_title"] == "Lesson 4"


def test_a_refused_publication_keeps_the_fields_as_they_were(
    maker: CheckedClient, instructor: User
) -> None:
    course = factories.make_course(instructor, status=CourseStatus.DRAFT, title="Before")
    assert _patch(maker, course, title="After", status="published").status_code == 409
    assert _course(maker, course.id)["title"] == "Before"


def test_publishing_tells_the_day_once_and_is_noted(
    maker: CheckedClient, client: CheckedClient, course: Course
) -> None:
    course.status, course.published_at = CourseStatus.DRAFT, None
    db.session.commit()
    assert client.get(f"/courses/{course.slug}").status_code == 404
    published = _patch(maker, course, version=1, title="Weaving now", status="published")
    first = published.get_json()["course"]["published_at"]
    assert published.status_code == 200
    assert first is not None
    assert client.get(f"/courses/{course.slug}").status_code == 200
    for status in ("archived", "published", "unlisted", "draft"):
        answer = _patch(maker, course, status=status)
        assert answer.get_json()["course"]["published_at"] == first
    assert _noted() == [
        "course.published", "course.status_changed", "course.published",
        "course.status_changed", "course.status_changed",
    ]  # fmt: skip


def test_a_copy_has_all_but_the_people_and_stores_nothing_twice(
    maker: CheckedClient, course: Course, enrolled: User, text_lesson: Lesson
) -> None:
    common = {"course_id": course.id, "lesson_id": text_lesson.id, "size_bytes": 9, "sha256": "0"}
    for name in ("plan.pdf", "list.csv"):
        kind = {"filename": name, "content_type": "x/y", "storage_key": f"files/{name}"}
        db.session.add(CourseFile(**common, **kind))
    db.session.flush()
    plan = db.session.query(CourseFile).filter_by(filename="plan.pdf").one()
    text_lesson.kind, text_lesson.document_id = LessonKind.PDF, plan.id
    db.session.commit()
    answer = maker.post(f"{COURSES}/{course.id}/duplicate", json={})
    copy, source = answer.get_json()["course"], _course(maker, course.id)
    assert answer.status_code == 201
    assert copy["title"] == f"{course.title} (copy)"
    assert copy["slug"] not in (source["slug"], "")
    assert (copy["status"], copy["learner_count"], copy["published_at"]) == ("draft", 0, None)
    assert copy["lesson_count"] == source["lesson_count"] == 3
    assert copy["duration_seconds"] == source["duration_seconds"]
    lessons, originals = (c["sections"][0]["lessons"] for c in (copy, source))
    for lesson, original in zip(lessons, originals, strict=True):
        same = ("title", "kind", "body", "is_preview", "position", "video")
        assert [lesson[name] for name in same] == [original[name] for name in same]
        assert lesson["id"] != original["id"]
    assert lessons[2]["document"]["filename"] == "plan.pdf"
    assert lessons[2]["document"]["id"] != originals[2]["document"]["id"]
    assert [file["filename"] for file in lessons[2]["files"]] == ["list.csv"]
    keys = [file.storage_key for file in db.session.query(CourseFile)]
    assert sorted(keys) == sorted(2 * ["files/plan.pdf", "files/list.csv"])
    assert db.session.query(Enrollment).filter_by(course_id=copy["id"]).count() == 0


def test_a_copy_keeps_its_cover_when_the_original_loses_its(
    maker: CheckedClient, course: Course
) -> None:
    course.cover_id = uuid.uuid4()
    for width in cover_images.WIDTHS:
        key = cover_images.key_of(course.id, course.cover_id, width)
        integrations.storage.put_bytes(key, f"RIFF{width}".encode(), "image/webp")
    db.session.commit()
    copy = maker.post(f"{COURSES}/{course.id}/duplicate", json={}).get_json()["course"]
    cover_images.discard(course.id, course.cover_id)
    assert copy["cover"]["id"] != str(course.cover_id)
    assert maker.get(copy["cover"]["url"]).data == b"RIFF640"
    gone = maker.post(f"{COURSES}/{course.id}/duplicate", json={}).get_json()["course"]
    assert gone["cover"] is None


def test_an_open_course_is_not_deleted_and_an_archived_one_is_with_all_in_it(
    maker: CheckedClient, course: Course, enrolled: User, video_lesson: Lesson
) -> None:
    course_id, video_id = course.id, video_lesson.video_id
    refused = maker.delete(f"{COURSES}/{course_id}")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "IN_USE")
    assert _patch(maker, course, status="archived").status_code == 200
    assert maker.delete(f"{COURSES}/{course_id}").status_code == 204
    assert maker.delete(f"{COURSES}/{course_id}").status_code == 404
    db.session.expire_all()
    assert db.session.query(Lesson).count() == db.session.query(Enrollment).count() == 0
    assert db.session.get(Video, video_id) is not None, "videos stay"
    event = db.session.query(AuditEvent).filter_by(action="course.deleted").one()
    assert event.detail["learner_count"] == 1


def test_a_course_that_somebody_ordered_is_not_deleted(
    maker: CheckedClient, course: Course, learner: User
) -> None:
    make_order(learner, course)
    assert _patch(maker, course, status="archived").status_code == 200
    refused = maker.delete(f"{COURSES}/{course.id}")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "IN_USE")
    assert "ordered this course" in refused.get_json()["detail"]
    assert _course(maker, course.id)["status"] == "archived"
    assert db.session.query(AuditEvent).filter_by(action="course.deleted").count() == 0


def test_a_copy_has_as_many_seats(maker: CheckedClient, course: Course) -> None:
    _patch(maker, course, seat_limit=12)
    copy = maker.post(f"{COURSES}/{course.id}/duplicate", json={}).get_json()["course"]
    assert copy["seat_limit"] == 12


def test_seats_are_set_by_the_plain_form(maker: CheckedClient, course: Course) -> None:
    path = f"/admin/courses/{course.id}/access"
    form = {"price": "0", "currency": "USD", "enrollment_policy": "open"}
    for typed, kept in ((" 25 ", 25), ("", None)):
        assert maker.post_form(path, {**form, "seat_limit": typed}).status_code == 303
        assert _course(maker, course.id)["seat_limit"] == kept
    for typed in ("0", "-1", "many", "1.5", "\u0661", "12345678"):
        refused = maker.post_form(path, {**form, "seat_limit": typed})
        assert (refused.status_code, "no limit" in refused.text) == (422, True), typed


def test_versions_tell_what_somebody_else_changed(
    maker: CheckedClient, course: Course, text_lesson: Lesson
) -> None:
    address = f"{COURSES}/{course.id}/versions"
    before = maker.get(address).get_json()
    maker.patch(f"/api/admin/lessons/{text_lesson.id}", json={"title": "Books"})
    after = maker.get(address).get_json()
    assert before["lessons"].pop(str(text_lesson.id)) == 1
    assert after["lessons"].pop(str(text_lesson.id)) == 2
    assert before == after


def test_the_preview_of_markdown_is_what_learners_get(maker: CheckedClient) -> None:
    source = "# Hi <script>alert(1)</script>\n[x](javascript:alert(1)) **bold**"
    html = maker.post("/api/admin/markdown", json={"source": source}).get_json()["html"]
    assert "<strong>bold</strong>" in html
    assert "<script" not in html
    assert "javascript:" not in html.split("href=")[-1][:20]
    assert maker.post("/api/admin/markdown", json={"source": "x" * 100_001}).status_code == 422
