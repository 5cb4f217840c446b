"""Threat 1: a draft, an archived course and a foreign lesson look like nothing at all."""

import uuid
from collections.abc import Callable

import pytest

from app.clock import utcnow
from app.current import integrations
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.courses import cover_images
from app.domain.courses.file_models import CourseFile
from app.domain.courses.models import Category, Course, CourseStatus, Lesson, LessonKind
from tests import factories
from tests.support import player
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
HIDDEN = [CourseStatus.DRAFT, CourseStatus.ARCHIVED]
# What is no answer: nothing here, no learner's business, and for visitors the sign-in.
DOORS = {False: (404, 403), True: (404, 303, 401)}
every_hidden = pytest.mark.parametrize("status", HIDDEN, ids=lambda status: status.value)


@pytest.fixture
def hide(course: Course) -> Callable[[CourseStatus], None]:
    """A function that takes `course` off the catalog."""

    def hide(status: CourseStatus) -> None:
        course.status = status
        db.session.commit()

    return hide


def _essence(response: object) -> tuple[int, str]:
    text = response.text  # type: ignore[attr-defined]
    for word in ("request_id", "Reference"):
        text = text.split(word)[0]
    return response.status_code, text  # type: ignore[attr-defined]


@every_hidden
@pytest.mark.parametrize("path", ["/courses/{slug}", "/api/courses/{slug}"])
def test_a_hidden_course_answers_like_an_unknown_one(
    client_of: ClientOf,
    outsider: User,
    course: Course,
    hide: Callable[[CourseStatus], None],
    status: CourseStatus,
    path: str,
) -> None:
    hide(status)
    client = client_of(outsider)
    hidden = client.get(path.format(slug=course.slug))
    unknown = client.get(path.format(slug="no-such-course-at-all"))
    assert hidden.status_code == unknown.status_code == 404
    assert course.title not in hidden.text
    assert _essence(hidden) == _essence(unknown)


@every_hidden
def test_a_hidden_course_is_in_no_list(
    client: CheckedClient,
    course: Course,
    hide: Callable[[CourseStatus], None],
    status: CourseStatus,
) -> None:
    assert course.title in client.get("/courses", query_string={"q": "weaving"}).text
    hide(status)
    for path in (
        "/courses",
        "/courses?q=weaving",
        "/",
        "/training",
        "/api/courses",
        "/sitemap.xml",
    ):
        answer = client.get(path)
        assert answer.status_code == 200
        assert course.title not in answer.text
        assert course.slug not in answer.text


@every_hidden
def test_nobody_enrols_in_a_hidden_course(
    client_of: ClientOf,
    outsider: User,
    course: Course,
    hide: Callable[[CourseStatus], None],
    status: CourseStatus,
) -> None:
    hide(status)
    answer = client_of(outsider).post(f"/api/courses/{course.slug}/enroll", json={})
    assert answer.status_code == 404


@every_hidden
def test_a_preview_of_a_hidden_course_is_not_played(
    client_of: ClientOf,
    outsider: User,
    preview_lesson: Lesson,
    hide: Callable[[CourseStatus], None],
    status: CourseStatus,
) -> None:
    hide(status)
    assert player.request_token(client_of(outsider), preview_lesson.id).status_code == 404


@every_hidden
def test_no_path_of_a_hidden_course_leads_anywhere(
    client: CheckedClient,
    client_of: ClientOf,
    outsider: User,
    course: Course,
    text_lesson: Lesson,
    hide: Callable[[CourseStatus], None],
    status: CourseStatus,
) -> None:
    """Pages, JSON, its picture, its files and its making: nothing but what an unknown one says."""
    file = CourseFile(
        course_id=course.id,
        lesson_id=text_lesson.id,
        filename="pattern.pdf",
        content_type="application/pdf",
        size_bytes=9,
        sha256="0",
        storage_key="files/pattern.pdf",
    )
    course.cover_id = uuid.uuid4()
    db.session.add(file)
    for width in cover_images.WIDTHS:
        key = cover_images.key_of(course.id, course.cover_id, width)
        integrations.storage.put_bytes(key, b"RIFF", "image/webp")
    cover = f"/covers/{course.id}/{course.cover_id}/{cover_images.WIDTHS[0]}.webp"
    db.session.commit()
    assert client.get(cover).status_code == 200
    hide(status)
    paths = (
        cover,
        f"/courses/{course.slug}",
        f"/api/courses/{course.slug}",
        f"/learn/{course.slug}",
        f"/learn/{course.slug}/{text_lesson.id}",
        f"/learn/{course.slug}/{text_lesson.id}/files/{file.id}",
        f"/api/admin/courses/{course.id}",
        f"/api/admin/lessons/{text_lesson.id}",
        f"/api/admin/courses/{course.id}/checklist",
        f"/admin/courses/{course.id}",
    )
    colleague = factories.make_user(Role.INSTRUCTOR)
    for viewer in (client, client_of(outsider), client_of(colleague)):
        for path in paths:
            answer = viewer.get(path)
            assert answer.status_code in DOORS[viewer is client], path
            assert course.title not in answer.text, path
            if answer.status_code == 303:
                assert "/auth/sign-in" in answer.location, path


@every_hidden
def test_a_hidden_course_is_related_to_none_and_on_no_dashboard(
    client_of: ClientOf,
    outsider: User,
    course: Course,
    hide: Callable[[CourseStatus], None],
    status: CourseStatus,
) -> None:
    shelf = db.session.get_one(Category, course.category_id)
    neighbour = factories.make_course(category=shelf)
    client = client_of(outsider)
    paths = (f"/courses/{neighbour.slug}", f"/courses/category/{shelf.slug}")
    assert all(course.title in client.get(path).text for path in paths)
    hide(status)
    for path in (*paths, f"/api/courses/{neighbour.slug}", "/dashboard", "/api/courses/enrolled"):
        assert course.title not in client.get(path).text, path


def test_an_unlisted_course_is_open_to_who_has_its_address_and_in_no_list(
    client: CheckedClient, course: Course, hide: Callable[[CourseStatus], None]
) -> None:
    hide(CourseStatus.UNLISTED)
    assert client.get(f"/courses/{course.slug}").status_code == 200
    for path in ("/courses", "/courses?q=weaving", "/", "/api/courses", "/sitemap.xml"):
        assert course.slug not in client.get(path).text, path


def test_an_archived_course_stays_with_who_is_enrolled(
    client_of: ClientOf,
    enrolled: User,
    course: Course,
    video_lesson: Lesson,
    hide: Callable[[CourseStatus], None],
) -> None:
    hide(CourseStatus.ARCHIVED)
    client = client_of(enrolled)
    assert client.get(f"/courses/{course.slug}").status_code == 200
    assert player.request_token(client, video_lesson.id).status_code == 201


def test_a_running_stream_ends_when_the_course_becomes_a_draft(
    client_of: ClientOf,
    enrolled: User,
    video_lesson: Lesson,
    hide: Callable[[CourseStatus], None],
) -> None:
    stream = player.start(client_of(enrolled), video_lesson).open()
    hide(CourseStatus.DRAFT)
    assert stream.heartbeat(10.0).status_code == 410


def test_its_instructor_sees_a_draft_and_another_instructor_does_not(
    client_of: ClientOf,
    instructor: User,
    course: Course,
    video_lesson: Lesson,
    hide: Callable[[CourseStatus], None],
) -> None:
    hide(CourseStatus.DRAFT)
    colleague = factories.make_user(Role.INSTRUCTOR)
    assert client_of(instructor).get(f"/courses/{course.slug}").status_code == 200
    assert client_of(colleague).get(f"/courses/{course.slug}").status_code == 404
    assert player.request_token(client_of(instructor), video_lesson.id).status_code == 201
    assert player.request_token(client_of(colleague), video_lesson.id).status_code == 404


def test_an_unknown_and_a_malformed_lesson_are_nothing(
    client_of: ClientOf, enrolled: User, course: Course
) -> None:
    client = client_of(enrolled)
    assert player.request_token(client, uuid.uuid4()).status_code == 404
    for lesson in (uuid.uuid4(), "not-a-uuid", "1", "..%2f..%2fadmin"):
        assert client.get(f"/learn/{course.slug}/{lesson}").status_code == 404
    wrong = client.post("/api/playback/token", json={"lesson_id": "not-a-uuid"})
    assert wrong.status_code == 422
    assert wrong.get_json()["errors"][0]["field"] == "lesson_id"


def test_a_lesson_is_found_under_its_own_course_only(
    client_of: ClientOf, enrolled: User, course: Course, video_lesson: Lesson
) -> None:
    other = factories.make_course()
    factories.make_enrollment(enrolled, other)
    client = client_of(enrolled)
    assert client.get(f"/learn/{course.slug}/{video_lesson.id}").status_code == 200
    assert client.get(f"/learn/{other.slug}/{video_lesson.id}").status_code == 404


def test_a_revoked_learner_is_locked_out_and_may_not_enrol_again(
    client_of: ClientOf, course: Course, video_lesson: Lesson
) -> None:
    user = factories.make_user()
    factories.make_enrollment(user, course, revoked_at=utcnow())
    client = client_of(user)
    refused = player.request_token(client, video_lesson.id)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "ENROLLMENT_REQUIRED")
    assert client.post(f"/api/courses/{course.slug}/enroll", json={}).status_code == 403


def test_a_priced_course_is_not_had_for_free(client_of: ClientOf, learner: User) -> None:
    """Threat 3: whatever the browser sends along, the price is the row's."""
    course = factories.make_course(price_minor=4900, currency="USD")
    client = client_of(learner)
    answer = client.post(f"/api/courses/{course.slug}/enroll", json={})
    assert (answer.status_code, answer.get_json()["code"]) == (402, "PAYMENT_REQUIRED")
    cheated = client.post(f"/api/courses/{course.slug}/enroll", json={"price_minor": 0})
    assert cheated.status_code in (402, 422)
    section = factories.make_section(course)
    lesson = factories.make_lesson(
        section, kind=LessonKind.VIDEO, video_id=factories.make_ready_video().id
    )
    assert player.request_token(client, lesson.id).status_code == 403
