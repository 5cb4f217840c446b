"""Threat 13: what is kept of a page belongs to nobody; nothing of one person reaches another."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.clock import shifted
from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.models import Category, Course, Enrollment
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
PATHS = (
    "/",
    "/training",
    "/courses",
    "/courses?q=weaving",
    "/courses/category/{category}",
    "/courses/{slug}",
    "/legal/terms",
)
every_path = pytest.mark.parametrize("path", PATHS)


@pytest.fixture
def address(course: Course) -> Callable[[str], str]:
    """A function that fills a path in."""
    category = db.session.get_one(Category, course.category_id)

    def fill(path: str) -> str:
        return path.format(slug=course.slug, category=category.slug)

    return fill


def _tokens(page: str) -> set[str]:
    fields = html.parse(page).find_all("input", attrs={"name": "csrf_token"})
    return {str(field["value"]) for field in fields}


@every_path
def test_names_and_tokens_stay_with_their_owner(
    client: CheckedClient,
    client_of: ClientOf,
    address: Callable[[str], str],
    enrollment: Enrollment,
    path: str,
) -> None:
    people = [
        factories.make_user(name="Zora Quixotic", email="zora.quixotic@example.com"),
        factories.make_user(name="Yann Umbrella", email="yann.umbrella@example.com"),
    ]
    clients = [client_of(person) for person in people]
    pages = [own.get(address(path)).text for own in (*clients, client, *clients)]
    zora, yann, visitor, zora_again, yann_again = pages
    for page in (yann, yann_again, visitor):
        assert "Zora" not in page
        assert "zora.quixotic" not in page
    for page in (zora, zora_again, visitor):
        assert "Yann" not in page
        assert "yann.umbrella" not in page
    assert not _tokens(zora) & _tokens(yann)
    assert not (_tokens(zora) | _tokens(yann)) & _tokens(visitor)


@every_path
def test_only_pages_of_nobody_may_be_shared(
    client: CheckedClient,
    client_of: ClientOf,
    learner: User,
    address: Callable[[str], str],
    path: str,
) -> None:
    own = client_of(learner).get(address(path))
    assert "no-store" in own.headers["Cache-Control"] or "private" in own.headers["Cache-Control"]
    assert "public" not in own.headers["Cache-Control"]
    shared = client.get(address(path))
    if "public" in shared.headers["Cache-Control"]:
        assert "Set-Cookie" not in shared.headers
        assert "Cookie" in shared.headers["Vary"]
        assert _tokens(shared.text) == set()


def test_being_enrolled_shows_to_the_enrolled_only(
    client: CheckedClient, client_of: ClientOf, enrolled: User, outsider: User, course: Course
) -> None:
    path = f"/courses/{course.slug}"
    pages = [own.get(path).text for own in (client_of(enrolled), client_of(outsider), client)]
    enroll = f'action="{path}/enroll"'
    assert [enroll in page for page in pages] == [False, True, False]


def test_a_changed_course_is_seen_soon_by_everybody(
    client: CheckedClient, client_of: ClientOf, learner: User, course: Course
) -> None:
    """Whatever is kept is kept briefly: a withdrawn course leaves the catalog in a minute."""
    own = client_of(learner)
    for visitor in (client, own):
        assert course.title in visitor.get("/courses").text
    course.title = "Weaving renamed"
    db.session.commit()
    with shifted(timedelta(seconds=61)):
        for visitor in (client, own):
            assert "Weaving renamed" in visitor.get("/courses").text
