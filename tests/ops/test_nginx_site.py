"""The application behind nginx as visitors meet it: static files, kept pages, and their renewal."""

import gzip
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.courses import course_edits, publishing
from app.domain.courses.models import Course, CourseStatus
from app.domain.outbox.pages import REFRESH_TASK
from app.web.templating import STATIC
from app.worker import pages
from tests.ops.proxied_site import ProxiedSite
from tests.support.apps import made_app
from tests.support.server import wait_until

pytestmark = pytest.mark.no_database


@pytest.fixture
def admin(proxied: ProxiedSite) -> Iterator[User]:
    """The site's administrator, in an application on the same data."""
    with made_app(proxied.environment) as app, app.app_context():
        yield db.session.query(User).filter_by(role=Role.ADMIN).one()


def _course(proxied: ProxiedSite) -> Course:
    return db.session.query(Course).filter_by(slug=proxied.slug).one()


def _run_jobs() -> int:
    """Commit, then do what the worker would do at once with the jobs of the page cache."""
    db.session.commit()
    query = text(
        "DELETE FROM procrastinate_jobs WHERE task_name = :task AND scheduled_at IS NULL"
        " RETURNING args"
    )
    rows = db.session.execute(query, {"task": REFRESH_TASK}).all()
    db.session.commit()
    return sum(pages.refresh(**row.args) for row in rows)


def _page(proxied: ProxiedSite, path: str, **headers: str) -> str:
    return proxied.proxy.ask(path, **headers)[1].decode()


def _where_from(proxied: ProxiedSite, request_id: str) -> str:
    """Return what the log says of where an answer came from."""

    def logged() -> list[str]:
        lines = proxied.proxy.log()
        return [line["cache"] or "-" for line in lines if line["request_id"] == request_id]

    return wait_until(logged, 10, "the log is written")[0]


def test_a_static_file_comes_from_nginx_compressed_and_for_a_year(proxied: ProxiedSite) -> None:
    address = re.search(r'href="(/static/\w+/css/site\.css)"', _page(proxied, "/"))
    assert address is not None
    response, body = proxied.proxy.ask(address[1], Accept_Encoding="gzip")
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["Content-Type"].startswith("text/css")
    assert gzip.decompress(body) == (STATIC / "css" / "site.css").read_bytes()
    assert _where_from(proxied, response.headers["X-Request-Id"]) == "-"


def test_an_address_of_another_release_is_answered_but_not_for_a_year(
    proxied: ProxiedSite,
) -> None:
    response, body = proxied.proxy.ask("/static/0123456789/css/site.css")
    assert body == (STATIC / "css" / "site.css").read_bytes()
    assert "immutable" not in response.headers["Cache-Control"]


def test_a_page_is_kept_compressed_and_in_the_visitors_language(proxied: ProxiedSite) -> None:
    for language in ("en", "am"):
        answers = [
            proxied.proxy.ask("/training", Accept_Encoding="gzip", Accept_Language=language)
            for _ in range(2)
        ]
        for response, body in answers:
            assert response.headers["Content-Encoding"] == "gzip"
            assert f'<html lang="{language}"' in gzip.decompress(body).decode()
        assert _where_from(proxied, answers[1][0].headers["X-Request-Id"]) == "HIT"
    plain = _page(proxied, "/training", Accept_Encoding="identity")
    assert plain.startswith("<!doctype html>")


@pytest.mark.parametrize("path", ["/", "/courses", "/courses/weaving", "/training"])
def test_nobodys_page_is_kept_or_given_to_another(proxied: ProxiedSite, path: str) -> None:
    _page(proxied, path)
    for cookie in (proxied.learner_cookie, proxied.admin_cookie):
        response, body = proxied.proxy.ask(path, Cookie=cookie)
        assert _where_from(proxied, response.headers["X-Request-Id"]) == "BYPASS"
        assert "/auth/sign-in" not in body.decode()
        assert response.headers["Cache-Control"] == "private, no-store"
    assert "/auth/sign-in" in _page(proxied, path)


def test_a_change_of_a_course_is_seen_at_once(proxied: ProxiedSite, admin: User) -> None:
    path = f"/courses/{proxied.slug}"
    kinds = [{"Accept_Language": each} for each in ("en", "am")]
    assert all("Weaving by hand" in _page(proxied, path, **kind) for kind in kinds)
    course = _course(proxied)
    course_edits.change(admin, course.id, {"title": "Weaving by foot"})
    db.session.commit()
    assert "Weaving by hand" in _page(proxied, path), "it is kept"
    assert _run_jobs() > 0
    try:
        assert all("Weaving by foot" in _page(proxied, path, **kind) for kind in kinds)
    finally:
        course_edits.change(admin, course.id, {"title": "Weaving by hand"})
        _run_jobs()


def test_a_course_that_is_withdrawn_is_gone_at_once(proxied: ProxiedSite, admin: User) -> None:
    path = f"/courses/{proxied.slug}"
    assert proxied.proxy.ask(path)[0].status == 200
    course = _course(proxied)
    publishing.set_status(admin, course.id, CourseStatus.DRAFT)
    _run_jobs()
    try:
        assert [proxied.proxy.ask(path)[0].status for _ in range(2)] == [404, 404]
    finally:
        publishing.set_status(admin, course.id, CourseStatus.PUBLISHED)
        _run_jobs()
    assert proxied.proxy.ask(path)[0].status == 200
