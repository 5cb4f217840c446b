"""Emptying nginx's page cache: which changes ask for it, and which addresses it names."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from procrastinate import App
from sqlalchemy import text

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.courses import category_edits, course_edits, cover_images, outline_edits, publishing
from app.domain.courses.models import CourseStatus, Lesson
from app.domain.outbox.pages import ALL_KNOW_AFTER_SECONDS, REFRESH_TASK
from app.integrations.page_cache import PageCacheUnavailable
from app.worker import tasks
from app.worker.retries import RunAgain
from tests import factories
from tests.support.client import CheckedClient

Edit = Callable[[User, Lesson], Any]
EDITS: dict[str, Edit] = {
    "title": lambda admin, lesson: course_edits.change(admin, lesson.course_id, {"title": "New"}),
    "cover": lambda admin, lesson: cover_images.put_up(admin, lesson.course_id, uuid.uuid4()),
    "section": lambda admin, lesson: outline_edits.add_section(admin, lesson.course_id, "More"),
    "lesson": lambda admin, lesson: outline_edits.change_lesson(admin, lesson.id, {"title": "New"}),
    "order": lambda admin, lesson: outline_edits.change_section(
        admin, lesson.section_id, {"title": "New"}
    ),
    "unpublishing": lambda admin, lesson: publishing.set_status(
        admin, lesson.course_id, CourseStatus.DRAFT
    ),
}


class Remembering:
    """A page cache that remembers what it was told to forget."""

    def __init__(self) -> None:
        self.forgotten: list[str] = []
        self.is_away = False

    def empty(self, paths: Iterable[str]) -> int:
        if self.is_away:
            raise PageCacheUnavailable("nobody listens")
        self.forgotten = list(paths)
        return len(self.forgotten)


@pytest.fixture
def cache(app: Flask) -> Iterator[Remembering]:
    """The application with a page cache before it."""
    settings, before = app.extensions["settings"], app.extensions["integrations"]
    cache = Remembering()
    app.extensions["settings"] = settings.model_copy(update={"page_cache_url": "http://nginx"})
    app.extensions["integrations"] = replace(before, page_cache=cache)
    yield cache
    app.extensions["settings"], app.extensions["integrations"] = settings, before


@pytest.fixture
def queue(app: Flask) -> App:
    return tasks.build(app)


def _lesson(**values: Any) -> Lesson:
    return factories.make_lesson(factories.make_section(factories.make_course(**values)))


def _queued() -> list[tuple[str | None, bool]]:
    """Return the slugs of the queued jobs and whether they wait for all processes to know."""
    rows = db.session.execute(
        text("SELECT args, scheduled_at FROM procrastinate_jobs WHERE task_name = :task"),
        {"task": REFRESH_TASK},
    )
    return sorted((row.args["slug"], row.scheduled_at is not None) for row in rows)


@pytest.mark.parametrize("name", EDITS)
def test_a_change_of_an_open_course_empties_the_cache_now_and_once_all_know(
    cache: Remembering, admin: User, name: str
) -> None:
    EDITS[name](admin, _lesson(slug="weaving"))
    assert set(_queued()) == {("weaving", False), ("weaving", True)}


def test_publishing_empties_the_cache_and_changing_a_draft_does_not(
    cache: Remembering, admin: User
) -> None:
    lesson = _lesson(slug="weaving", status=CourseStatus.DRAFT)
    for name in ("title", "cover", "section", "lesson", "order"):
        EDITS[name](admin, lesson)
    assert _queued() == []
    publishing.set_status(admin, lesson.course_id, CourseStatus.PUBLISHED)
    assert _queued() == [("weaving", False), ("weaving", True)]


def test_the_second_time_comes_when_no_process_remembers(cache: Remembering, admin: User) -> None:
    publishing.set_status(admin, _lesson().course_id, CourseStatus.ARCHIVED)
    later = db.session.scalar(text("SELECT max(scheduled_at) FROM procrastinate_jobs"))
    assert (later - utcnow()).total_seconds() == pytest.approx(ALL_KNOW_AFTER_SECONDS, abs=5)


def test_a_change_of_the_shelves_concerns_every_page(cache: Remembering) -> None:
    category_edits.create("Pottery", "Clay.", 20)
    assert _queued() == [(None, False), (None, True)]


def test_a_change_of_the_site_concerns_every_page(
    cache: Remembering, admin: User, client_of: Callable[[User], CheckedClient]
) -> None:
    client = client_of(admin)
    assert client.patch("/api/admin/site", json={"name": "Weavers"}).status_code == 200
    assert _queued() == [(None, False), (None, True)]
    assert client.patch("/api/admin/site", json={"name": "Weavers"}).status_code == 200
    assert len(_queued()) == 2, "nothing was changed the second time"


def test_without_a_page_cache_nothing_is_queued(app: Flask, admin: User) -> None:
    EDITS["title"](admin, _lesson())
    assert _queued() == []


def test_a_courses_page_and_what_lists_it_are_forgotten(cache: Remembering, queue: App) -> None:
    category = factories.make_category(slug="crafts")
    factories.make_course(category=category, slug="weaving")
    factories.make_course(category=category, slug="other")
    queue.tasks[REFRESH_TASK](slug="weaving")
    assert {"/", "/courses", "/sitemap.xml", "/courses/category/crafts", "/courses/weaving"} <= set(
        cache.forgotten
    )
    assert "/courses/other" not in cache.forgotten


def test_every_page_is_forgotten_when_the_site_changes(cache: Remembering, queue: App) -> None:
    factories.make_course(slug="weaving")
    queue.tasks[REFRESH_TASK](slug=None)
    assert {"/", "/legal/terms", "/courses/weaving"} <= set(cache.forgotten)


def test_the_job_comes_again_while_nginx_is_away(cache: Remembering, queue: App) -> None:
    cache.is_away = True
    with pytest.raises(RunAgain):
        queue.tasks[REFRESH_TASK](slug="weaving")
