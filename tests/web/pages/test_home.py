"""Home and training."""

from collections.abc import Callable

import pytest

from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.models import Category, Course
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient
from tests.support.statements import recorded

ClientOf = Callable[[User], CheckedClient]
both = pytest.mark.parametrize("path", ["/", "/training"])


@both
def test_popular_courses_and_subjects_are_shown(
    client: CheckedClient, course: Course, path: str
) -> None:
    category = db.session.get_one(Category, course.category_id)
    page = html.parse(client.get(path).text)
    assert page.find("a", href=f"/courses/{course.slug}")
    assert page.find("a", href=f"/courses/category/{category.slug}")


@both
def test_a_house_without_courses_stands(client: CheckedClient, path: str) -> None:
    assert client.get(path).status_code == 200


@both
def test_visitors_share_the_page_without_cookies(client: CheckedClient, path: str) -> None:
    response = client.get(path)
    assert response.headers["Cache-Control"].startswith("public, max-age=60, stale")
    assert "Set-Cookie" not in response.headers


@both
def test_a_signed_in_page_is_nobody_elses(client_of: ClientOf, learner: User, path: str) -> None:
    response = client_of(learner).get(path)
    assert response.headers["Cache-Control"] == "private, no-store"
    assert learner.name in response.text


@both
def test_the_page_costs_the_same_queries_however_full_the_house(
    client: CheckedClient, path: str
) -> None:
    counts = []
    for more in (1, 20):
        for _ in range(more):
            factories.make_course()
        with recorded() as statements:
            client.get(path)
        counts.append(len(statements))
    assert counts == [2, 2]
