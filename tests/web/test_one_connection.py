"""No request holds two connections of the pool: with as many threads as connections, some would
wait for each other until the pool gives up.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from app.database import db
from app.domain.accounts.models import Role
from app.domain.site import choices
from tests import factories
from tests.support.client import sign_in
from tests.support.keeping import keeping_pages
from tests.support.orders import make_order

PAGES = ("/", "/training", "/courses", "/courses?q=loom", "/courses/{slug}", "/api/courses")
OWN_PAGES = ("/dashboard", "/learn/{slug}", "/account", "/account/orders", "/checkout/{other}")
STAFF_PAGES = (
    *(
        "/admin",
        "/admin/courses",
        "/admin/users",
        "/admin/orders",
        "/admin/audit",
        "/admin/reports",
    ),
    *("/admin/system", "/admin/system/jobs", "/admin/system/statements"),
)


@dataclass
class Held:
    """How many connections of the pool are held, and how many were at a time."""

    now: int = 0
    most: int = 0


@contextmanager
def held_connections() -> Iterator[Held]:
    """Count what is taken from the pool in the block."""
    pool, held = db.engine.pool, Held()

    def take(*_: Any) -> None:
        held.now += 1
        held.most = max(held.most, held.now)

    def give(*_: Any) -> None:
        held.now -= 1

    event.listen(pool, "checkout", take)
    event.listen(pool, "checkin", give)
    try:
        yield held
    finally:
        event.remove(pool, "checkout", take)
        event.remove(pool, "checkin", give)


def test_no_page_holds_two_connections(committed_app: Flask) -> None:
    course = factories.make_course(title="Looms")
    factories.make_lesson(factories.make_section(course))
    other = factories.make_course(title="Dyes", price_minor=4_900, currency="USD")
    learner, admin = factories.make_user(), factories.make_user(Role.ADMIN)
    factories.make_enrollment(learner, course)
    make_order(learner, other)
    slugs = {"slug": course.slug, "other": other.slug}
    nobody, reader, staff = (committed_app.test_client() for _ in range(3))
    sign_in(reader, learner)
    sign_in(staff, admin)
    db.session.commit()
    with keeping_pages(committed_app) as cache:
        for client, paths in (
            (nobody, PAGES),
            (reader, PAGES + OWN_PAGES),
            (staff, PAGES + STAFF_PAGES),
        ):
            for path in paths:
                cache.near.clear()
                assert _most_held(client, path.format(**slugs)) == 1, path


def _most_held(client: FlaskClient, path: str) -> int:
    """Ask for a page of which nothing is known yet; return the most connections it held."""
    choices.forget()
    db.session.remove()
    with held_connections() as held:
        assert client.get(path).status_code < 400, path
    return held.most
