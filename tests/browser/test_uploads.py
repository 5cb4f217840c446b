"""Sending files from a browser: watched, paused, cut off, resumed after a reload, refused."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select

from app.domain.accounts.models import Role
from app.domain.videos.models import Video
from app.domain.videos.upload_models import Upload
from tests.browser.conftest import Open
from tests.browser.watching import Faults, screenshot, until
from tests.support.house import House, Person
from tests.support.sending import MP4_HEAD

PARTS = "**/api/admin/uploads/*/parts/*"
MEGABYTE = 1024**2
PATIENCE = 30_000  # hashing and sending share the machine with whatever else runs


@pytest.fixture
def teacher(house: House) -> Person:
    """Somebody who makes courses."""
    return house.add_learner(enrolled=False, role=Role.INSTRUCTOR)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A file of three parts that begins as a video does."""
    path = tmp_path / "film.mp4"
    path.write_bytes(MP4_HEAD + os.urandom(20 * MEGABYTE))
    return path


def _choose(page: Page, *files: Path) -> None:
    page.locator(".upload input[type=file]").set_input_files([str(path) for path in files])


def _row(page: Page, name: str):
    return page.locator(".upload__row").filter(has_text=name)


def test_a_file_cut_off_goes_on_after_a_reload(
    open_page: Open, house: House, teacher: Person, film: Path
) -> None:
    page = open_page("/admin/uploads", teacher)
    sent: list[str] = []

    def hold_the_last(route: Route) -> None:
        number = route.request.url.split("/parts/")[1].split("?")[0]
        if number == "3":
            return  # never answered: the connection hangs
        sent.append(number)
        route.continue_()

    page.route(PARTS, hold_the_last)
    _choose(page, film)
    row = _row(page, "film.mp4")
    expect(row).to_contain_text("79%", timeout=PATIENCE)
    page.on("dialog", lambda dialog: dialog.accept())  # are you sure to leave?
    page.reload()
    expect(row).to_contain_text(
        "79% of it have arrived. Choose the same file to go on", timeout=PATIENCE
    )
    page.unroute(PARTS)
    again: list[str] = []
    page.on("request", lambda r: again.append(r.url) if "/parts/" in r.url else None)
    _choose(page, film)
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Sent", timeout=PATIENCE)
    assert len(again) == 1
    assert "/parts/3" in again[0]
    with house.session() as session:
        upload = session.scalars(select(Upload).where(Upload.owner_id == teacher.user_id)).one()
        video = session.get_one(Video, upload.video_id)
        stored = house.data_directory / "media" / video.source_key
        assert stored.read_bytes() == film.read_bytes()
        assert video.declared_sha256 is not None


def test_several_files_are_sent_at_once_and_paused_alone(
    open_page: Open, teacher: Person, tmp_path: Path
) -> None:
    files = []
    for name in ("one.mp4", "two.mp4"):
        files.append(tmp_path / name)
        files[-1].write_bytes(MP4_HEAD + os.urandom(9 * MEGABYTE))
    page = open_page("/admin/uploads", teacher, width=360, dark=True)
    held: list[Route] = []
    page.route(PARTS, lambda route: held.append(route))  # noqa: PLW0108 - it looks at the signature
    _choose(page, *files)
    one, two = _row(page, "one.mp4"), _row(page, "two.mp4")
    one.get_by_role("button", name="Pause").click()
    expect(one).to_contain_text("Paused at", timeout=PATIENCE)
    until(page, lambda: held, "a part is on its way")
    screenshot(page, "uploads-paused")
    expect(one.get_by_role("button", name="Resume")).to_be_visible()
    for route in held:
        route.continue_()
    page.unroute(PARTS)
    expect(two).to_contain_text("Sent", timeout=PATIENCE)
    expect(one).to_contain_text("Paused at", timeout=PATIENCE)
    one.get_by_role("button", name="Resume").click()
    expect(one).to_contain_text("Sent", timeout=PATIENCE)


def test_a_lost_connection_is_said_and_made_good(
    open_page: Open, teacher: Person, film: Path, faults: Faults
) -> None:
    page = open_page("/admin/uploads", teacher)
    faults.expect("ERR_CONNECTION_RESET")
    page.route(PARTS, lambda route: route.abort("connectionreset"))
    _choose(page, film)
    row = _row(page, "film.mp4")
    expect(row).to_contain_text("The connection is lost", timeout=PATIENCE)
    page.unroute(PARTS)
    page.evaluate("() => dispatchEvent(new Event('online'))")
    expect(row).to_contain_text("Sent", timeout=PATIENCE)


@pytest.mark.parametrize(
    ("name", "size", "who", "what"),
    [
        ("notes.txt", 10, "Not this kind of file.", "Choose one of these"),
        ("empty.mp4", 0, "The file itself.", "It is empty"),
    ],
)
def test_what_cannot_be_used_is_refused_before_the_first_byte(
    open_page: Open, teacher: Person, tmp_path: Path, name: str, size: int, who: str, what: str
) -> None:
    page = open_page("/admin/uploads", teacher)
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if r.method in ("POST", "PUT") else None)
    path = tmp_path / name
    path.write_bytes(bytes(size))
    _choose(page, path)
    row = _row(page, name)
    expect(row).to_contain_text(who, timeout=PATIENCE)
    expect(row).to_contain_text(what, timeout=PATIENCE)
    assert asked == []
    screenshot(page, f"uploads-refused-{name}")


def test_who_refuses_a_part_is_named_with_the_remedy(
    open_page: Open, teacher: Person, film: Path, faults: Faults
) -> None:
    page = open_page("/admin/uploads", teacher)
    nginx = {"status": 413, "content_type": "text/html", "body": "<html>413</html>"}
    faults.expect("413")
    page.route(PARTS, lambda route: route.fulfill(**nginx))
    _choose(page, film)
    row = _row(page, "film.mp4")
    expect(row).to_contain_text("The proxy in front of the site.", timeout=PATIENCE)
    expect(row).to_contain_text("client_max_body_size", timeout=PATIENCE)
    screenshot(page, "uploads-refused")
    page.unroute(PARTS)
    row.get_by_role("button", name="Resume").click()
    expect(row).to_contain_text("Sent", timeout=PATIENCE)
