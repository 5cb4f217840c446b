"""Kept catalog pages: equal to freshly rendered ones, and never one person's for another."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask, g, render_template
from flask_babel import force_locale
from markupsafe import escape

from app.cache import Cache
from app.clock import shifted
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.accounts.sessions import find_signed_in
from app.domain.courses.filters import CatalogFilters
from app.domain.courses.models import Course
from app.web import shells
from app.web.courses.catalog import contents_of
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient, sign_in
from tests.support.keeping import keeping_pages
from tests.support.statements import recorded

ClientOf = Callable[[User], CheckedClient]


@pytest.fixture
def keeping(app: Flask) -> Iterator[Cache]:
    """Keep pages as anywhere but in development."""
    with keeping_pages(app) as cache:
        yield cache


@pytest.mark.parametrize("role", [None, *Role])
@pytest.mark.parametrize("locale", ["en", "am"])
def test_an_addressed_page_equals_a_page_rendered_for_the_person(
    app: Flask, client: CheckedClient, course: Course, role: Role | None, locale: str
) -> None:
    """A template that shows anything else of a person would differ here."""
    person = None
    if role:
        user = factories.make_user(role, name="Zoë O'Brien <i>", email="a&b@example.com")
        person = find_signed_in(sign_in(client, user))
        assert person
    with app.test_request_context("/courses"), force_locale(locale):
        if person:
            g._login_user = person
        contents = contents_of(CatalogFilters())
        direct = render_template(contents.template, **contents.values)
        kept = shells.render_shell(contents, shells.Viewer.of(person))
        assert kept.addressed_to(person) == direct
        if person:
            assert str(escape(person.name)) in direct
            assert person.name not in kept.html
            assert shells.NAME in kept.html


def test_own_progress_is_put_on_ones_cards(
    app: Flask, client: CheckedClient, enrolled: User, course: Course
) -> None:
    factories.make_course()
    person = find_signed_in(sign_in(client, enrolled))
    assert person
    with app.test_request_context("/courses"):
        shell = shells.render_shell(contents_of(CatalogFilters()), shells.Viewer.of(person))
        for _ in range(2):
            page = html.parse(shell.addressed_to(person))
            assert [tag["value"] for tag in page.select("article progress")] == ["0"]
    assert "<progress" not in shell.html


@pytest.mark.usefixtures("keeping")
def test_kept_pages_are_each_persons_own(
    client: CheckedClient, client_of: ClientOf, enrolled: User, outsider: User, course: Course
) -> None:
    pages = {user.name: client_of(user).get("/courses").text for user in (enrolled, outsider)}
    again = client_of(enrolled).get("/courses").text
    anonymous = client.get("/courses").text
    for text, names in (
        (pages[enrolled.name], {enrolled.name}),
        (pages[outsider.name], {outsider.name}),
        (again, {enrolled.name}),
        (anonymous, set()),
    ):
        assert {name for name in (enrolled.name, outsider.name) if name in text} == names
        assert ("<progress" in text) is (names == {enrolled.name})
        assert not [mark for mark in (shells.INITIALS, shells.EMAIL, shells.TOKEN) if mark in text]
    tokens = {html.csrf_token(text) for text in pages.values()}
    assert len(tokens) == 2


@pytest.mark.usefixtures("keeping")
def test_the_token_of_a_kept_page_is_good_for_its_form(
    client_of: ClientOf, learner: User, outsider: User, course: Course
) -> None:
    client_of(outsider).get("/courses")
    client = client_of(learner)
    token = html.csrf_token(client.get("/courses").text)
    response = client.post(f"/courses/{course.slug}/enroll", data={"csrf_token": token})
    assert response.headers["Location"] == f"/learn/{course.slug}"


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize("page", ["/courses", "/courses/{slug}", "/courses?q={text}"])
def test_no_text_of_a_course_is_taken_for_a_mark(
    client: CheckedClient, client_of: ClientOf, learner: User, course: Course, page: str
) -> None:
    """Else an author's link could carry away a reader's address and form token."""
    odd = "".join(map(chr, range(0xE000, 0xE010)))
    course.title = f"Looms {odd}"
    course.description = f"[more](https://elsewhere.example/?{odd})"
    db.session.commit()
    path = page.format(slug=course.slug, text=odd)
    for reader in (client, client_of(learner)):
        for _ in range(2):
            answer = reader.get(path)
            assert answer.status_code == 200
            assert odd in answer.text


def test_a_shell_means_the_same_to_another_process(
    app: Flask,
    client: CheckedClient,
    learner: User,
    course: Course,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person = find_signed_in(sign_in(client, learner))
    assert person
    with app.test_request_context("/courses"):
        g._login_user = person
        shell = shells.render_shell(contents_of(CatalogFilters()), shells.Viewer.of(person))
        assert shells.CODEC.load(shells.CODEC.dump(shell)) == shell
        assert shells.SALT.encode() not in shells.CODEC.dump(shell)
        assert shells.SALT not in shell.addressed_to(person)


@pytest.mark.usefixtures("keeping")
def test_a_kept_page_asks_nothing_and_is_renewed_in_time(
    client: CheckedClient, course: Course
) -> None:
    client.get("/courses")
    course.title = "Weaving anew"
    db.session.commit()
    with recorded() as statements:
        assert "Weaving anew" not in client.get("/courses").text
    # The version of the content is asked for once a second.
    assert [sent for sent, _ in statements.sent if "content_versions" not in sent] == []
    with shifted(timedelta(seconds=31)):
        assert "Weaving anew" in client.get("/courses").text


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize("other", ["/courses?level=advanced", "/courses?page=2", "/courses?q=x"])
def test_other_addresses_are_other_pages(client: CheckedClient, course: Course, other: str) -> None:
    assert course.title in client.get("/courses").text
    assert course.title not in client.get(other).text


@pytest.mark.usefixtures("keeping")
def test_a_kept_page_is_in_the_readers_language(client: CheckedClient, course: Course) -> None:
    english = client.get("/courses", headers={"Accept-Language": "en"})
    amharic = client.get("/courses", headers={"Accept-Language": "am"})
    assert html.parse(english.text).html["lang"] == "en"  # type: ignore[index]
    assert html.parse(amharic.text).html["lang"] == "am"  # type: ignore[index]


@pytest.mark.usefixtures("keeping")
def test_a_role_that_changed_changes_the_page(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    assert "/admin" not in client.get("/courses").text
    learner.role = Role.ADMIN
    db.session.commit()
    assert "/admin" in client.get("/courses").text


def test_in_development_nothing_is_kept(client: CheckedClient, course: Course) -> None:
    client.get("/courses")
    course.title = "Weaving anew"
    db.session.commit()
    assert "Weaving anew" in client.get("/courses").text


def test_form_of_a_fresh_page_is_accepted(client_of: ClientOf, learner: User) -> None:
    """The form token of the page's own rendering must not pass for the person's."""
    for client in (client_of(learner), client_of(learner)):
        assert client.post_form("/auth/sign-out", page="/courses").status_code == 303
