"""The catalog page: what its address says, what it links to, and who may keep it."""

from collections.abc import Callable

import pytest

from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.models import Category, Course, Level
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient
from tests.support.statements import recorded

ClientOf = Callable[[User], CheckedClient]


def _links(text: str) -> list[str]:
    return [str(link["href"]) for link in html.parse(text).find_all("a", href=True)]


def _many_courses(count: int, **values: object) -> list[Course]:
    teacher, category = factories.make_user(), factories.make_category()
    return [factories.make_course(teacher, category, **values) for _ in range(count)]


def test_courses_are_listed_with_what_one_needs_to_choose(
    client: CheckedClient, course: Course
) -> None:
    text = client.get("/courses").text
    for shown in (course.title, course.pitch, "Ines Teacher", "Free", "3 lessons"):
        assert shown in text
    assert f"/courses/{course.slug}" in _links(text)


def test_search_finds_and_says_what_for(client: CheckedClient, course: Course) -> None:
    factories.make_course(title="Chemistry at home")
    text = client.get("/courses?q=weaving").text
    assert course.title in text
    assert "Chemistry at home" not in text
    assert html.parse(text).select_one("main input[name=q]")["value"] == "weaving"  # type: ignore[index]


def test_a_misspelt_search_says_what_it_shows_instead(
    client: CheckedClient, course: Course
) -> None:
    text = client.get("/courses?q=wevaing").text
    assert course.title in text
    assert "“wevaing”" in text
    assert "“weaving”" in text


def test_an_empty_result_has_a_next_step(client: CheckedClient, course: Course) -> None:
    text = client.get("/courses?q=zzyzx").text
    assert course.title not in text
    assert "/courses" in _links(html.parse(text).main.decode())  # type: ignore[union-attr]


def test_links_to_pages_keep_every_filter(client: CheckedClient) -> None:
    _many_courses(30, level=Level.ADVANCED)
    asked = {"q": "course", "level": "advanced", "price": "free", "sort": "title"}
    text = client.get("/courses", query_string=asked).text
    following = next(link for link in _links(text) if "page=2" in link)
    for name, value in asked.items():
        assert f"{name}={value}" in following
    second = html.parse(client.get(following).text)
    assert second.select_one('nav [aria-current="page"]:-soup-contains("2")')
    assert len(second.select("article")) == 12


def test_pages_are_numbered_from_one_to_the_last(client: CheckedClient) -> None:
    _many_courses(25)
    titles = set()
    for page in (1, 2, 3):
        shown = html.parse(client.get(f"/courses?page={page}").text).select("article h3")
        titles |= {title.get_text() for title in shown}
    assert len(titles) == 25


def test_a_page_past_the_end_is_not_found_but_leads_back(
    client: CheckedClient, course: Course
) -> None:
    response = client.get("/courses?page=2&level=beginner")
    assert response.status_code == 404
    assert "/courses?level=beginner" in _links(response.text)


@pytest.mark.parametrize("page", ["abc", "0", "-1", "101", "1.5", "9" * 30])
def test_a_page_that_cannot_be_is_not_found(client: CheckedClient, course, page: str) -> None:
    assert client.get(f"/courses?page={page}").status_code == 404


@pytest.mark.parametrize("query", ["level=wizard", "sort=password", "price=cheap", "language=!!"])
def test_unknown_values_narrow_nothing(client: CheckedClient, course: Course, query: str) -> None:
    response = client.get(f"/courses?{query}")
    assert response.status_code == 200
    assert course.title in response.text


def test_a_category_has_a_page_of_its_own(client: CheckedClient, course: Course) -> None:
    other = factories.make_course(title="Chemistry at home")
    category = db.session.get_one(Category, course.category_id)
    response = client.get(f"/courses/category/{category.slug}")
    assert html.parse(response.text).h1.get_text() == category.name  # type: ignore[union-attr]
    assert course.title in response.text
    assert other.title not in response.text


def test_an_unknown_category_is_not_found(client: CheckedClient) -> None:
    assert client.get("/courses/category/no-such").status_code == 404


def test_a_category_pages_within_itself(client: CheckedClient) -> None:
    courses = _many_courses(13)
    slug = db.session.get_one(Category, courses[0].category_id).slug
    text = client.get(f"/courses/category/{slug}").text
    following = next(link for link in _links(text) if "page=2" in link)
    assert slug in following
    assert len(html.parse(client.get(following).text).select("article")) == 1


def test_visitors_share_a_page_without_cookies(client: CheckedClient, course: Course) -> None:
    response = client.get("/courses")
    assert response.headers["Cache-Control"].startswith("public, max-age=60, stale")
    assert "Cookie" in ",".join(response.headers.getlist("Vary"))
    assert "Accept-Language" in ",".join(response.headers.getlist("Vary"))
    assert "Set-Cookie" not in response.headers


def test_an_unchanged_page_is_not_sent_again(client: CheckedClient, course: Course) -> None:
    tag = client.get("/courses").headers["ETag"]
    again = client.get("/courses", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    course.title = "Weaving anew"
    db.session.commit()
    changed = client.get("/courses", headers={"If-None-Match": tag})
    assert changed.status_code == 200


def test_a_signed_in_page_is_nobody_elses(
    client_of: ClientOf, enrolled: User, course: Course
) -> None:
    response = client_of(enrolled).get("/courses")
    assert response.headers["Cache-Control"] == "private, no-store"
    assert "ETag" not in response.headers
    assert html.parse(response.text).select_one("article progress")


def test_a_visitor_with_a_form_cookie_shares_nothing(client: CheckedClient, course: Course) -> None:
    client.get("/auth/sign-in")
    assert client.get("/courses").headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("signed_in", [False, True])
def test_the_page_costs_the_same_queries_for_ten_and_two_hundred(
    client: CheckedClient, client_of: ClientOf, learner: User, signed_in: bool
) -> None:
    visitor = client_of(learner) if signed_in else client
    visitor.get("/courses")
    counts = []
    for more in (10, 190):
        _many_courses(more)
        with recorded() as statements:
            assert visitor.get("/courses").status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1] <= (5 if signed_in else 3)
