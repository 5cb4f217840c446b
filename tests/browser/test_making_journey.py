"""A course from its first title to its first learner, in Chromium, with a real worker behind it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select

from app.domain.accounts.models import Role
from app.domain.courses.models import Course, CourseStatus, Lesson, Section
from app.domain.videos.models import Video, VideoStatus
from tests.browser.conftest import Open
from tests.browser.watching import LearnPage, screenshot, until
from tests.support.house import House, Person
from tests.support.media import CAMERA, make_source
from tests.support.server import WORKER, running

PARTS = "**/api/admin/uploads/*/parts/*"
READY_SECONDS = 180.0
SLUG = "paper-by-hand"
SENT_MS = 60_000
CAPTIONS = """1
00:00:00,000 --> 00:00:05,000
Dip the frame, lift it level.

2
00:00:05,000 --> 00:00:09,000
The water runs off by itself.
"""
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


@pytest.fixture(scope="module")
def _worker(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    log = tmp_path_factory.mktemp("worker") / "worker.log"
    with running(WORKER, house.environment, log):
        yield


@pytest.fixture
def teacher(house: House) -> Person:
    """Somebody who makes courses."""
    return house.add_learner(enrolled=False, role=Role.INSTRUCTOR)


@pytest.fixture
def long_film(tmp_path: Path) -> Path:
    """A real video that is sent in more than one part."""
    path = make_source(tmp_path / "dipping.mp4", seconds=9, picture=CAMERA, extra=("-crf", "27"))
    assert path.stat().st_size > 9 * 1024**2
    return path


def _add(page: Page, section: str, title: str, kind: str) -> None:
    row = page.locator(".tree__section").filter(has_text=section)
    field = row.get_by_placeholder("Title of the lesson")
    if not field.is_visible():  # it stays open after the first one
        row.get_by_text("Add a lesson").click()
    field.fill(title)
    row.get_by_text(kind, exact=True).click()
    row.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".tree__name", has_text=title)).to_be_visible()


def _add_section(page: Page, title: str) -> None:
    field = page.get_by_placeholder("Title of the section")
    if not field.is_visible():
        page.get_by_text("Add a section").click()
    field.fill(title)
    page.locator("form[data-add='section']").get_by_role("button", name="Add").click()
    expect(page.locator(".tree__name", has_text=title)).to_be_visible()


def _open(page: Page, title: str) -> None:
    page.locator(".tree__link", has_text=title).click()
    expect(page.locator(".pane__title input")).to_have_value(title)


def _choose(page: Page, path: Path, purpose: str = "video") -> None:
    field = page.locator(f".upload[data-purpose='{purpose}'] input[type=file]")
    field.set_input_files(str(path))


def _saved(page: Page) -> None:
    expect(page.locator("[data-part='status']")).to_have_attribute("data-state", "saved")


def _begin(page: Page) -> None:
    title = page.locator(".begin [name='title']")  # open at once where there is no course yet
    expect(title).to_be_visible()
    title.fill("Paper by hand")
    page.get_by_role("button", name="Begin the draft").click()
    expect(page.locator(".pane__title input")).to_have_value("Paper by hand")


def _describe(page: Page) -> None:
    page.locator(".tree__link", has_text="About the course").click()
    page.locator("[name='pitch']").fill("Make sheets of paper from rags and water.")
    page.locator("textarea[name='description']").fill("You need a *frame* and a vat.")
    first = page.locator("[name='outcomes']").first
    if first.is_visible():
        first.fill("Pull an even sheet")
    else:
        page.get_by_role("button", name="Add a point").first.click()
        page.get_by_label(re.compile("Outcome")).first.fill("Pull an even sheet")
    page.locator("[name='category_id']").select_option(label="Crafts")
    _saved(page)


def _send_with_a_reload_between(page: Page, path: Path) -> None:
    """Send a file whose second part never arrives, reload, choose it again."""

    def hold(route: Route) -> None:
        if "/parts/1?" in route.request.url:
            route.continue_()

    page.route(PARTS, hold)
    _choose(page, path)
    row = page.locator(".upload__row").filter(has_text=path.name)
    expect(row).to_contain_text(re.compile(r"[1-9]\d%"), timeout=SENT_MS)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(row).to_contain_text("Choose the same file to go on")
    page.unroute(PARTS)
    again: list[str] = []
    page.on("request", lambda r: again.append(r.url) if "/parts/" in r.url else None)
    _choose(page, path)
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Sent", timeout=SENT_MS)
    assert again
    assert not [url for url in again if "/parts/1?" in url]


def _caption(page: Page, folder: Path) -> None:
    """Upload SRT captions on the video's page and mend one in the editor beside the video."""
    srt = folder / "captions.srt"
    srt.write_text(CAPTIONS)
    page.get_by_role("link", name="Captions and details").click()
    page.locator("#captions-language").select_option("en")
    page.locator("input[type=file][name='file']").set_input_files(str(srt))
    page.get_by_role("button", name="Upload captions").click()
    expect(page.get_by_role("heading", name="Captions in English")).to_be_visible()
    cue = page.locator(".cue").first
    expect(cue).to_be_visible()
    screenshot(page, "caption-editor")
    cue.locator("textarea").fill("Dip the frame and lift it level.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("[data-part='status']")).to_contain_text(re.compile("[Ss]aved"))


def _order(house: House) -> list[str]:
    with house.session() as session:
        return list(
            session.scalars(
                select(Lesson.title)
                .join(Section, Section.id == Lesson.section_id)
                .join(Course, Course.id == Lesson.course_id)
                .where(Course.slug == SLUG)
                .order_by(Section.position, Lesson.position)
            )
        )


def _videos(house: House) -> list[Video]:
    with house.session() as session:
        statement = select(Video).join(Lesson, Lesson.video_id == Video.id)
        statement = statement.join(Course, Course.id == Lesson.course_id)
        return list(session.scalars(statement.where(Course.slug == SLUG)))


def _watch(page: Page, title: str) -> None:
    """Find the course by searching, enrol, watch the lesson with captions."""
    page.get_by_role("searchbox").first.fill("sheets of paper from rags")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Paper by hand").first.click()
    page.get_by_role("button", name="Enrol for free").first.click()
    page.wait_for_url(re.compile("/learn/"))
    page.locator(".outline").get_by_text(title).first.click()
    watching = LearnPage(page)
    watching.play()
    watching.wait_for_time(1.0, 20)
    page.keyboard.press("c")
    expect(page.locator(".player")).to_contain_text("Dip the frame and lift it level.")
    screenshot(page, "made-course-watched")


def _write(page: Page, long_film: Path, folder: Path) -> None:
    """Give the new course its outline, its files and its words."""
    _add_section(page, "The pulp")
    _add_section(page, "The sheet")
    _add(page, "The pulp", "What you need", "Text")
    _add(page, "The pulp", "Tearing rags", "Video")
    _add(page, "The sheet", "A list of tools", "PDF")
    _add(page, "The sheet", "Dipping the frame", "Video")
    _open(page, "Dipping the frame")
    _send_with_a_reload_between(page, long_film)
    _open(page, "Tearing rags")
    _choose(page, make_source(folder / "rags.mp4", seconds=5))
    row = page.locator(".upload__row").filter(has_text="rags.mp4")
    expect(row).to_contain_text("Sent", timeout=SENT_MS)
    _open(page, "A list of tools")
    (folder / "tools.pdf").write_bytes(PDF)
    _choose(page, folder / "tools.pdf", "document")
    expect(page.locator(".handouts", has_text="tools.pdf").first).to_be_visible()
    _open(page, "What you need")
    page.locator("textarea[name='body']").fill("Rags, a *vat*, patience.")
    _saved(page)
    _describe(page)
    screenshot(page, "builder-course")


def _move_up_by_keyboard(page: Page, house: House) -> None:
    page.locator(".tree__link", has_text="Tearing rags").focus()
    page.keyboard.press("Alt+ArrowUp")
    wanted = ["Tearing rags", "What you need", "A list of tools", "Dipping the frame"]
    until(page, lambda: _order(house) == wanted, "the new order is saved")


def _wait_until_ready(page: Page, house: House) -> None:
    def are_ready() -> bool:
        videos = _videos(house)
        assert not [v.error_detail for v in videos if v.status is VideoStatus.FAILED]
        return len(videos) == 2 and all(v.status is VideoStatus.READY for v in videos)

    until(page, are_ready, "both videos are ready", READY_SECONDS)


def _preview_and_publish(page: Page, house: House) -> None:
    page.goto("/admin/courses")
    page.get_by_role("link", name="Paper by hand").click()
    with page.context.expect_page() as preview:
        page.get_by_role("link", name="View as learner").click()
    expect(preview.value.get_by_role("heading", name="Paper by hand")).to_be_visible()
    preview.value.close()
    page.get_by_role("link", name="Publish").first.click()
    screenshot(page, "builder-publish")
    page.get_by_label(re.compile("^Published")).check()
    page.get_by_role("button", name="Apply").click()

    def is_published() -> bool:
        with house.session() as session:
            course = session.scalars(select(Course).where(Course.slug == SLUG)).one()
            return course.status is CourseStatus.PUBLISHED

    until(page, is_published, "the course is published")


@pytest.mark.timeout(420)
@pytest.mark.usefixtures("_worker")
def test_an_instructor_makes_a_course_and_a_learner_watches_it(
    open_page: Open, house: House, teacher: Person, long_film: Path, tmp_path: Path
) -> None:
    page = open_page("/admin/courses", teacher)
    _begin(page)
    _write(page, long_film, tmp_path)
    _move_up_by_keyboard(page, house)
    _wait_until_ready(page, house)
    _open(page, "Dipping the frame")
    _caption(page, tmp_path)
    _preview_and_publish(page, house)
    learner = house.add_learner(enrolled=False)
    _watch(open_page("/courses", learner), "Dipping the frame")
