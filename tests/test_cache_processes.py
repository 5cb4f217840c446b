"""A change made by one process is seen by the visitors of the others, with and without Redis."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.database import db
from app.domain.accounts import sessions
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import Role, User
from app.domain.courses import course_edits
from app.domain.courses.models import Course
from tests import factories
from tests.support.http import Visitor
from tests.support.redis_server import redis_server
from tests.support.server import LiveServer, free_port, wait_until

PATHS = ("/", "/courses", "/courses/weaving", "/api/courses", "/api/courses/weaving")
# What is kept is thrown away after 30 s anyway: the change must be seen sooner.
SOON_SECONDS = 20


@pytest.fixture(params=["alone", "with redis"])
def pair(
    request: pytest.FixtureRequest, serve: Callable[..., LiveServer], tmp_path: Path
) -> Iterator[tuple[LiveServer, LiveServer]]:
    """Two web processes of one site."""
    site = {"APP_ENV": "demo", "WEB_WORKERS": "1", "PUBLIC_BASE_URL": "http://127.0.0.1"}
    if request.param == "alone":
        yield serve(**site), serve(**site)
        return
    with redis_server(free_port(), tmp_path) as redis:
        site["REDIS_URL"] = redis.url
        yield serve(**site), serve(**site)


def _signed_in(server: LiveServer, user: User) -> Visitor:
    token = sessions.start(user, ClientInfo(ip="127.0.0.1", user_agent="tests"))
    db.session.commit()
    return Visitor(server.url, {"session": token})


def _course(admin: User) -> Course:
    course = factories.make_course(admin, title="Weaving by hand", slug="weaving")
    factories.make_lesson(factories.make_section(course))
    db.session.commit()
    return course


def test_a_change_is_seen_at_once_by_staff_and_soon_by_everybody_everywhere(
    pair: tuple[LiveServer, LiveServer],
) -> None:
    admin = factories.make_user(Role.ADMIN)
    course = _course(admin)
    learner = factories.make_user()
    own = [_signed_in(server, admin) for server in pair]
    others = [Visitor(server.url) for server in pair]
    others += [_signed_in(server, learner) for server in pair]
    for visitor in (*own, *others):
        for path in PATHS:
            assert "Weaving by hand" in visitor.get(path).text
    course_edits.change(admin, course.id, {"title": "Spinning"})
    db.session.commit()
    for visitor in own:
        for path in PATHS:
            text = visitor.get(path).text
            assert "Spinning" in text
            assert "Weaving by hand" not in text
    for visitor in others:
        for path in PATHS:
            wait_until(
                lambda visitor=visitor, path=path: "Spinning" in visitor.get(path).text,  # type: ignore[misc]
                SOON_SECONDS,
                f"{path} shows the change",
            )
            assert "Weaving by hand" not in visitor.get(path).text
