"""What is read from the replica by whom: visitors, writers, programs, and every page of it."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.courses.models import Category
from app.web.reading import EXTENSION
from tests import factories
from tests.replica.sites import a_title, is_read, make_course, replica_of
from tests.support.apps import made_app
from tests.support.client import sign_in
from tests.support.keys import client_with, make_key
from tests.support.replication import Pair
from tests.support.server import wait_until
from tests.support.statements import recorded

pytestmark = pytest.mark.no_database


def _titles(client: Any) -> list[str]:
    return [course["title"] for course in client.get("/api/courses?sort=newest").json["items"]]


def test_a_visitor_sees_what_the_replica_has(site: Flask, pair: Pair) -> None:
    pair.standby.pause()
    title = a_title()
    make_course(title=title)
    assert title not in _titles(site.test_client())
    pair.standby.resume()
    pair.catch_up()
    assert title in _titles(site.test_client())


def test_own_changes_are_seen_at_once_while_the_replica_stands_still(
    site: Flask, pair: Pair
) -> None:
    course, title = make_course(title=a_title()), a_title()
    author, visitor = site.test_client(), site.test_client()
    sign_in(author, db.session.get_one(User, course.instructor_id))
    pair.catch_up()
    pair.standby.pause()
    change = {"version": course.version, "title": title}
    answer = author.patch(f"/api/admin/courses/{course.id}", json=change)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Set-Cookie"].startswith("written=")
    assert title in _titles(author)
    assert title not in _titles(visitor)
    pair.standby.resume()
    wait_until(lambda: title in _titles(visitor), 10, "others see it, too")


def test_whoever_wrote_nothing_gets_no_cookie(site: Flask) -> None:
    client = site.test_client()
    sign_in(client, factories.make_user())
    for path in ("/", "/courses", "/api/courses", "/dashboard"):
        assert "written" not in str(client.get(path).headers.getlist("Set-Cookie"))


@pytest.mark.parametrize("value", ["unknown", "-1", "g", "", "1" * 17, "ffffffffffffffff"])
def test_a_cookie_that_says_nothing_leads_to_the_primary(
    site: Flask, pair: Pair, value: str
) -> None:
    pair.standby.pause()
    title = a_title()
    make_course(title=title)
    client = site.test_client()
    client.set_cookie("written", value)
    assert title in _titles(client)


def test_programs_with_a_key_read_from_the_primary(site: Flask, pair: Pair) -> None:
    """They keep no cookies, so nothing says what they have written."""
    program = client_with(site, make_key(factories.make_user()))
    pair.standby.pause()
    title = a_title()
    make_course(title=title)
    assert title in _titles(program)
    assert title not in _titles(site.test_client())


def test_a_course_page_is_public_for_visitors_and_own_for_the_rest(site: Flask, pair: Pair) -> None:
    learner = factories.make_user()
    course = make_course(title=a_title())
    client = site.test_client()
    sign_in(client, learner)
    pair.catch_up()
    pair.standby.pause()
    factories.make_enrollment(learner, course)
    course.title = a_title()
    db.session.commit()
    own = client.get(f"/api/courses/{course.slug}").json
    assert (own["title"], own["is_enrolled"]) == (course.title, True)
    assert site.test_client().get(f"/api/courses/{course.slug}").json["title"] != course.title


def test_what_the_replica_does_not_know_yet_the_primary_tells(site: Flask, pair: Pair) -> None:
    pair.standby.pause()
    course = make_course(title=a_title())
    assert site.test_client().get(f"/courses/{course.slug}").status_code == 200


READ_THERE = (
    "/", "/training", "/courses", "/courses?q=weaving", "/courses?level=beginner&sort=title",
    "/courses/category/{category}", "/courses/{course}", "/api/courses", "/api/courses/{course}",
    "/sitemap.xml", "/admin/reports", "/admin/reports?group=course",
    "/api/admin/reports/revenue?group=method",
)  # fmt: skip


@pytest.fixture
def statements_there(site: Flask) -> Callable[[], int]:
    """Counts what the replica was asked for the readers, less the looks at itself."""
    sent: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "pg_last_wal_replay_lsn" not in statement:
            sent.append(statement)

    engine: Engine = replica_of(site)._engine
    event.listen(engine, "before_cursor_execute", note)
    return lambda: len(sent)


@pytest.mark.parametrize("path", READ_THERE)
def test_each_of_these_is_read_there_without_a_word(
    site: Flask,
    pair: Pair,
    path: str,
    statements_there: Callable[[], int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    course = make_course(title=a_title())
    client = site.test_client()
    if "admin" in path:
        sign_in(client, factories.make_user(Role.ADMIN))
    category = db.session.get_one(Category, course.category_id).slug
    pair.catch_up()
    wait_until(lambda: is_read(site), 10, "the replica is read")
    before = statements_there()
    with caplog.at_level(logging.WARNING, "replica"):
        answer = client.get(path.format(course=course.slug, category=category))
    assert answer.status_code == 200
    assert statements_there() > before
    assert not caplog.records


def test_without_a_replica_nothing_is_installed_and_nothing_more_is_sent(
    site: Flask, environment: dict[str, str]
) -> None:
    url = site.extensions["settings"].database_url
    course = make_course(title=a_title())
    with made_app({**environment, "DATABASE_URL": url}) as plain:
        assert EXTENSION not in plain.extensions
        assert (
            len(plain.after_request_funcs.get(None, ())) == len(site.after_request_funcs[None]) - 1
        )
        client = plain.test_client()
        client.get("/courses/none")
        with recorded() as statements:
            assert client.get(f"/courses/{course.slug}").status_code == 200
            assert client.post("/api/auth/logout", json={}).status_code in (204, 401)
        assert not [sql for sql, _ in statements.sent if "lsn" in sql]
