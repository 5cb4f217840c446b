"""What crawlers and browsers ask for by a fixed name."""

from xml.etree import ElementTree as ET

import pytest
from flask import Flask

from app.config import Environment
from app.database import db
from app.domain.courses.models import Category, Course, CourseStatus
from tests import factories
from tests.support.client import CheckedClient
from tests.support.statements import recorded

HIDDEN = (CourseStatus.DRAFT, CourseStatus.UNLISTED, CourseStatus.ARCHIVED)
NAMESPACE = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}


def _addresses(client: CheckedClient) -> list[str]:
    root = ET.fromstring(client.get("/sitemap.xml").text)
    return [str(tag.text) for tag in root.findall("s:url/s:loc", NAMESPACE)]


def test_sitemap_lists_what_visitors_may_read(client: CheckedClient, course: Course) -> None:
    category = db.session.get_one(Category, course.category_id)
    assert _addresses(client) == [
        "http://localhost/",
        "http://localhost/training",
        "http://localhost/courses",
        f"http://localhost/courses/category/{category.slug}",
        f"http://localhost/courses/{course.slug}",
    ]


def test_sitemap_leaves_out_what_is_not_published(client: CheckedClient) -> None:
    hidden = [factories.make_course(status=status) for status in HIDDEN]
    factories.make_course()
    text = client.get("/sitemap.xml").text
    assert not [course.slug for course in hidden if f"/{course.slug}<" in text]


def test_sitemap_says_when_a_course_changed(client: CheckedClient, course: Course) -> None:
    root = ET.fromstring(client.get("/sitemap.xml").text)
    changed = root.findall("s:url/s:lastmod", NAMESPACE)
    assert [tag.text for tag in changed] == [f"{course.updated_at:%Y-%m-%dT%H:%M:%SZ}"]


def test_sitemap_is_kept_for_an_hour_and_costs_two_queries(
    client: CheckedClient, course: Course
) -> None:
    with recorded() as statements:
        response = client.get("/sitemap.xml")
    assert len(statements) == 2
    assert response.headers["Cache-Control"] == "public, max-age=3600"
    assert response.mimetype == "application/xml"


def test_every_listed_address_answers(client: CheckedClient, course: Course) -> None:
    for address in _addresses(client):
        assert client.get(address).status_code == 200, address


def test_robots_are_kept_out_of_a_rehearsal(
    client: CheckedClient, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging = app.extensions["settings"].model_copy(update={"app_env": Environment.STAGING})
    monkeypatch.setitem(app.extensions, "settings", staging)
    assert client.get("/robots.txt").text == "User-agent: *\nDisallow: /\n"


def test_robots_are_kept_out_of_what_is_personal(client: CheckedClient) -> None:
    lines = client.get("/robots.txt").text.splitlines()
    assert lines[0] == "User-agent: *"
    for path in ("/dashboard", "/learn/", "/admin", "/api/", "/auth/"):
        assert f"Disallow: {path}" in lines
    assert lines[-1] == "Sitemap: http://localhost/sitemap.xml"
    assert "Disallow: /" not in lines


def test_browsers_that_guess_find_the_icon(client: CheckedClient) -> None:
    response = client.get("/favicon.ico", follow_redirects=True)
    assert (response.status_code, response.mimetype) == (200, "image/svg+xml")
