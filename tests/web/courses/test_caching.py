"""What is kept of pages and answers: emptied by changes, 304 where unchanged, never anybody's."""

import gzip
import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.cache import Cache
from app.clock import shifted
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.courses import category_edits, course_edits, outline_edits, publishing
from app.domain.courses.models import Category, Course, CourseStatus, Lesson
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient
from tests.support.keeping import Shared, keeping_pages
from tests.support.statements import recorded

ClientOf = Callable[[User], CheckedClient]
PAGES = ("/", "/training", "/courses", "/courses?sort=newest", "/courses/category/{category}")
COURSE = "/courses/{slug}"
ANSWERS = ("/api/courses", "/api/courses/{slug}")


@pytest.fixture
def shared() -> Shared:
    return Shared()


@pytest.fixture
def keeping(app: Flask, shared: Shared) -> Iterator[Cache]:
    """Keep pages as anywhere but in development."""
    with keeping_pages(app, shared) as cache:
        yield cache


@pytest.fixture
def address(course: Course) -> Callable[[str], str]:
    """A function that fills in the course's slug and its category's."""
    shelf = next(one for one in category_edits.list_shelves() if one.id == course.category_id)
    return lambda path: path.format(slug=course.slug, category=shelf.slug)


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize("path", [*PAGES, COURSE, *ANSWERS])
def test_a_change_of_a_course_is_seen_at_once_by_who_made_it_and_soon_by_all(
    client: CheckedClient,
    client_of: ClientOf,
    admin: User,
    learner: User,
    course: Course,
    address: Callable[[str], str],
    path: str,
) -> None:
    visitors = {"admin": client_of(admin), "learner": client_of(learner), "nobody": client}
    for one in visitors.values():
        assert "Weaving by hand" in one.get(address(path)).text
    course_edits.change(admin, course.id, {"title": "Spinning"})
    db.session.commit()
    assert "Spinning" in visitors["admin"].get(address(path)).text
    with shifted(timedelta(seconds=2)):
        for one in visitors.values():
            text = one.get(address(path)).text
            assert "Spinning" in text
            assert "Weaving by hand" not in text


CHANGES: dict[str, Callable[[User, Lesson], object]] = {
    "price": lambda who, lesson: course_edits.change(
        who, lesson.course_id, {"price": {"amount_minor": 4900, "currency": "USD"}}
    ),
    "chapter": lambda who, lesson: outline_edits.add_section(who, lesson.course_id, "Chapter two"),
    "lesson": lambda who, lesson: outline_edits.change_lesson(who, lesson.id, {"title": "Warp"}),
    "unpublishing": lambda who, lesson: publishing.set_status(
        who, lesson.course_id, CourseStatus.DRAFT
    ),
}


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize("name", CHANGES)
def test_every_change_of_a_course_is_seen_on_its_page(
    client: CheckedClient, admin: User, course: Course, text_lesson: Lesson, name: str
) -> None:
    before = client.get(f"/courses/{course.slug}")
    assert before.status_code == 200
    assert client.get(f"/courses/{course.slug}").text == before.text
    CHANGES[name](admin, text_lesson)
    db.session.commit()
    after = client.get(f"/courses/{course.slug}")
    assert (after.status_code == 404) is (name == "unpublishing")
    assert after.text != before.text


@pytest.mark.usefixtures("keeping")
def test_a_shelf_that_is_renamed_is_renamed_everywhere(
    client: CheckedClient, course: Course, address: Callable[[str], str]
) -> None:
    paths = [address(path) for path in (*PAGES, COURSE, *ANSWERS)]
    for path in paths:
        client.get(path)
    category_edits.change(course.category_id, name="Cloth of all kinds")
    db.session.commit()
    assert [path for path in paths if "Cloth of all kinds" not in client.get(path).text] == []


@pytest.mark.usefixtures("keeping")
def test_what_the_site_is_called_changes_on_kept_pages(
    client: CheckedClient, client_of: ClientOf, admin: User, course: Course
) -> None:
    for path in ("/", "/courses", f"/courses/{course.slug}"):
        client.get(path)
    owner = client_of(admin)
    assert owner.patch("/api/admin/site", json={"name": "Weavers"}).status_code == 200
    for path in ("/", "/courses", f"/courses/{course.slug}"):
        assert "Weavers" in client.get(path).text


@pytest.mark.usefixtures("keeping")
def test_a_change_that_was_not_committed_throws_nothing_away(
    client: CheckedClient, client_of: ClientOf, admin: User, course: Course
) -> None:
    owner = client_of(admin)
    owner.get("/courses")
    course_edits.change(admin, course.id, {"title": "Spinning"})
    db.session.rollback()
    with recorded() as statements:
        assert "Weaving by hand" in owner.get("/courses").text
    assert not [sent for sent, _ in statements.sent if "FROM courses" in sent and "LIMIT" in sent]


@pytest.mark.parametrize("path", [*PAGES, COURSE, *ANSWERS])
def test_nothing_personal_is_ever_kept(
    keeping: Cache,
    shared: Shared,
    client_of: ClientOf,
    enrolled: User,
    outsider: User,
    admin: User,
    course: Course,
    address: Callable[[str], str],
    path: str,
) -> None:
    for user in (enrolled, outsider, admin):
        user.email = f"canary-{user.id}@example.com"
    db.session.commit()
    secrets = set()
    for user in (enrolled, outsider, admin):
        visitor = client_of(user)
        texts = [visitor.get(address(path)).text for _ in range(2)]
        secrets |= {user.name, user.email, _cookie(visitor, "session")}
        secrets |= {html.csrf_token(text) for text in texts if "csrf_token" in text}
    assert len(secrets) >= (9 if path.startswith("/api") else 12)
    values = [*shared.kept.values(), *map(_as_bytes, _near(keeping))]
    # Of a course's page only what visitors see is kept, and programs' own answers are not.
    assert values or path in (COURSE, ANSWERS[1])
    for value in values:
        assert [secret for secret in secrets if secret.encode() in value] == []
        assert b"canary" not in value


def _cookie(client: FlaskClient, name: str) -> str:
    cookie = client.get_cookie(name)
    assert cookie
    return cookie.value


def _near(cache: Cache) -> list[object]:
    return [entry.value for entry in cache.near._entries.values()]


def _as_bytes(value: object) -> bytes:
    if isinstance(value, tuple):  # the parts of a page
        return b"".join(part.plain + part.mark.encode() for part in value)
    return repr(value).encode()


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize("path", [*PAGES, COURSE])
def test_two_persons_pages_differ_in_what_is_theirs_alone(
    client_of: ClientOf,
    learner: User,
    outsider: User,
    course: Course,
    address: Callable[[str], str],
    path: str,
) -> None:
    texts = {}
    for user in (learner, outsider):
        text = client_of(user).get(address(path)).text
        assert user.name in text
        assert user.email in text
        token = html.csrf_token(text)
        avatar = html.parse(text).select_one(".account .avatar")
        assert avatar
        initials = avatar.get_text()
        for own, mark in ((user.name, "NAME"), (user.email, "EMAIL"), (token, "TOKEN")):
            text = text.replace(own, mark)
        texts[user.id] = text.replace(f">{initials}<", ">INITIALS<")
    assert texts[learner.id] == texts[outsider.id]


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize("path", [*PAGES, COURSE])
@pytest.mark.parametrize("is_signed_in", [False, True])
def test_a_packed_page_is_the_page(
    client: CheckedClient,
    client_of: ClientOf,
    enrolled: User,
    course: Course,
    address: Callable[[str], str],
    path: str,
    *,
    is_signed_in: bool,
) -> None:
    visitor = client_of(enrolled) if is_signed_in else client
    plain = visitor.get(address(path)).text
    # As an app's own client would: the checking one reads what it is given as text.
    packed = visitor.application.test_client(use_cookies=False)
    headers = {"Accept-Encoding": "gzip"}
    if is_signed_in:
        names = [name for name in ("session", "form") if visitor.get_cookie(name)]
        headers["Cookie"] = "; ".join(f"{name}={_cookie(visitor, name)}" for name in names)
    answer = FlaskClient.open(packed, address(path), headers=headers, buffered=True)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    unpacked = gzip.decompress(answer.data).decode()
    token = r'name="csrf_token" value="[^"]*"'
    assert re.sub(token, "", unpacked) == re.sub(token, "", plain)


@pytest.mark.usefixtures("keeping")
def test_a_visitors_packed_page_has_a_tag_of_its_own(client: CheckedClient, course: Course) -> None:
    plain = client.get("/courses").headers["ETag"]
    packed = client.head("/courses", headers={"Accept-Encoding": "gzip"}).headers["ETag"]
    assert plain != packed
    for tag, encoding in ((plain, "identity"), (packed, "gzip")):
        headers = {"If-None-Match": tag, "Accept-Encoding": encoding}
        assert client.get("/courses", headers=headers).status_code == 304


@pytest.mark.parametrize("path", ANSWERS)
def test_programs_are_told_that_an_answer_still_holds(
    client: CheckedClient, course: Course, path: str
) -> None:
    first = client.get(path.format(slug=course.slug))
    assert first.headers["Cache-Control"] == "public, no-cache"
    assert {"Cookie", "Authorization"} <= {
        name.strip() for name in first.headers["Vary"].split(",")
    }
    tag = {"If-None-Match": first.headers["ETag"]}
    again = client.get(path.format(slug=course.slug), headers=tag)
    assert (again.status_code, again.data) == (304, b"")
    course.title = "Spinning"
    db.session.commit()
    assert client.get(path.format(slug=course.slug), headers=tag).status_code == 200


@pytest.mark.parametrize("path", ANSWERS)
def test_ones_own_answer_is_kept_by_nobody_and_304_to_who_remembers(
    client: CheckedClient, client_of: ClientOf, enrolled: User, course: Course, path: str
) -> None:
    own = client_of(enrolled)
    first = own.get(path.format(slug=course.slug))
    assert first.headers["Cache-Control"] == "private, no-store"
    tag = {"If-None-Match": first.headers["ETag"]}
    assert own.get(path.format(slug=course.slug), headers=tag).status_code == 304
    assert client.get(path.format(slug=course.slug), headers=tag).status_code == 200


@pytest.mark.usefixtures("keeping")
def test_a_kept_answer_has_ones_own_progress_on_it(
    client: CheckedClient, client_of: ClientOf, enrolled: User, course: Course
) -> None:
    def is_enrolled(answer: object) -> list[bool]:
        return [item["is_enrolled"] for item in answer.get_json()["items"]]  # type: ignore[attr-defined]

    assert is_enrolled(client.get("/api/courses")) == [False]
    assert is_enrolled(client_of(enrolled).get("/api/courses")) == [True]
    assert is_enrolled(client.get("/api/courses")) == [False]
    path = f"/api/courses/{course.slug}"
    assert client.get(path).get_json()["enrollment"] is None
    assert client_of(enrolled).get(path).get_json()["enrollment"]
    assert client.get(path).get_json()["enrollment"] is None


@pytest.mark.usefixtures("keeping")
def test_who_looks_as_somebody_else_is_told_so_on_kept_pages(
    client_of: ClientOf, admin: User, enrolled: User, course: Course
) -> None:
    viewer = client_of(admin)
    viewer.get("/courses")
    begun = viewer.post_form(f"/admin/users/{enrolled.id}/view-as", {"reason": "A question."})
    assert begun.status_code == 303
    for path in ("/", "/courses"):
        text = viewer.get(path).text
        assert f"You look at the site as {enrolled.name} until" in text
    assert "You look at the site as" not in client_of(admin).get("/courses").text


@pytest.mark.usefixtures("keeping")
def test_a_message_that_waits_is_shown_once_and_to_its_reader(
    client_of: ClientOf, learner: User, outsider: User, course: Course
) -> None:
    own = client_of(learner)
    own.get("/")
    with own.session_transaction() as session:
        session["_flashes"] = [("ok", "Only for you.")]
    assert "Only for you." in own.get("/").text
    assert "Only for you." not in own.get("/").text
    assert "Only for you." not in client_of(outsider).get("/").text


@pytest.mark.usefixtures("keeping")
def test_what_people_type_takes_no_room(
    keeping: Cache, client: CheckedClient, course: Course
) -> None:
    client.get("/courses?q=weaving")
    client.get("/api/courses?q=weaving")
    assert keeping.near.used_bytes == 0


@pytest.mark.usefixtures("keeping")
def test_ones_own_part_of_a_kept_course_page_follows_at_once(
    client: CheckedClient,
    client_of: ClientOf,
    learner: User,
    outsider: User,
    course: Course,
    text_lesson: Lesson,
) -> None:
    path = f"/courses/{course.slug}"
    own, other = client_of(learner), client_of(outsider)
    assert "Enrol for free" in own.get(path).text
    assert own.post_form(f"{path}/enroll", page=path).status_code == 303
    page = html.parse(own.get(path).text)
    assert page.select_one(".offer progress")
    assert page.select_one(f'.lessons a[href$="{text_lesson.id}"]')
    assert "Enrol for free" in other.get(path).text
    assert "Sign in to enrol" in client.get(path).text


@pytest.mark.parametrize("role", [Role.LEARNER, Role.ADMIN])
def test_a_course_page_put_together_equals_one_made_at_once(
    app: Flask, client_of: ClientOf, enrolled: User, course: Course, role: Role
) -> None:
    enrolled.role = role
    related = factories.make_course(category=db.session.get_one(Category, course.category_id))
    factories.make_enrollment(enrolled, related)
    own = client_of(enrolled)
    token = r'name="csrf_token" value="[^"]*"'
    direct = re.sub(token, "", own.get(f"/courses/{course.slug}").text)
    with keeping_pages(app):
        for _ in range(2):
            kept = re.sub(token, "", own.get(f"/courses/{course.slug}").text)
            assert [line.strip() for line in kept.split("\n") if line.strip()] == [
                line.strip() for line in direct.split("\n") if line.strip()
            ]


@pytest.mark.usefixtures("keeping")
def test_a_course_that_is_withdrawn_is_still_shown_to_its_learners(
    client: CheckedClient, client_of: ClientOf, enrolled: User, admin: User, course: Course
) -> None:
    path = f"/courses/{course.slug}"
    own = client_of(enrolled)
    assert (own.get(path).status_code, client.get(path).status_code) == (200, 200)
    publishing.set_status(admin, course.id, CourseStatus.ARCHIVED)
    db.session.commit()
    assert (own.get(path).status_code, client.get(path).status_code) == (200, 404)


def test_a_page_that_another_process_kept_has_the_progress_on_its_cards(
    keeping: Cache, shared: Shared, client_of: ClientOf, learner: User, course: Course
) -> None:
    factories.make_enrollment(learner, course)
    db.session.commit()
    client = client_of(learner)
    first = client.get("/courses").text
    keeping.near.clear()
    assert "progress" in first
    assert client.get("/courses").text == first
    # What follows from the cards is not kept beside them: another release may keep it otherwise.
    assert not any(b"course_ids" in page for page in shared.kept.values())
