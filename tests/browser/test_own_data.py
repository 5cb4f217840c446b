"""One's own data in a browser: the profile, an export by a real worker, leaving and staying."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.domain.outbox.models import Mail
from tests.browser.conftest import Open
from tests.browser.watching import Faults, LearnPage, screenshot, until
from tests.support.house import House, Person
from tests.support.server import WORKER, running

WORKER_SECONDS = 90.0
LOOKS = [(360, False), (360, True), (768, False), (1280, False), (1280, True)]


@pytest.fixture
def person(house: House) -> Person:
    """Somebody whose data is asked for."""
    return house.add_learner()


@pytest.fixture
def worker(house: House, tmp_path: Path) -> Iterator[None]:
    """A worker process on the house's database."""
    with running(WORKER, house.environment, tmp_path / "worker.log"):
        yield


def _link(house: House, person: Person) -> str | None:
    query = select(Mail).where(Mail.to_email == person.email, Mail.template == "export_ready")
    with house.session() as session:
        mail = session.scalars(query).first()
        return str(mail.context["link"]) if mail else None


@pytest.mark.usefixtures("worker")
def test_data_is_asked_for_and_fetched(open_page: Open, house: House, person: Person) -> None:
    page = open_page("/account/data", person)
    page.get_by_role("button", name="Prepare my data").click()
    expect(page.get_by_text("Your data is being prepared.")).to_be_visible()
    expect(page.get_by_role("button", name="Prepare my data")).to_have_count(0)
    link = until(page, lambda: _link(house, person), "the link is mailed", WORKER_SECONDS)
    page.reload()
    expect(page.get_by_text("Ready", exact=True)).to_be_visible()
    path = "/account/data/download?" + link.partition("?")[2]
    with page.expect_download() as started:
        page.evaluate("(path) => { location.href = path; }", path)
    assert started.value.suggested_filename.endswith(".zip")
    archive = zipfile.ZipFile(io.BytesIO(started.value.path().read_bytes()))
    assert json.loads(archive.read("profile.json"))["email"] == person.email
    assert person.email in archive.read("README.txt").decode()


def test_somebody_leaves_and_stays_after_all(
    open_page: Open, person: Person, faults: Faults
) -> None:
    faults.expect(r"status of 422")
    page = open_page("/account/data", person)
    page.get_by_role("link", name="Delete my account").click()
    field = page.get_by_role("textbox", name="Your e-mail address")
    field.fill("somebody@example.com")
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_text("Type the e-mail address of your account")).to_be_visible()
    page.get_by_role("textbox", name="Your e-mail address").fill(person.email.upper())
    page.get_by_role("button", name="Delete my account").click()
    page.goto("/courses")
    expect(page.get_by_text("Your account will be deleted on")).to_be_visible()
    page.go_back()
    page.goto("/dashboard")
    page.get_by_role("button", name="Keep my account").click()
    expect(page.get_by_text("Your account stays.")).to_be_visible()
    expect(page.get_by_text("Your account will be deleted on")).to_have_count(0)


def test_profile_is_saved_and_the_picker_saves_to_it(open_page: Open, person: Person) -> None:
    page = open_page("/account", person)
    page.get_by_label("Name").fill("Nia Newname")
    page.get_by_label("Time zone").select_option("Africa/Addis_Ababa")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your profile is saved.")).to_be_visible()
    with page.expect_navigation():
        page.locator("#language").select_option("am")
    expect(page.locator("html")).to_have_attribute("lang", "am")
    expect(page.locator("select[name=locale]")).to_have_value("am")
    page.context.clear_cookies(name="language")
    page.goto("/courses")
    expect(page.locator("html")).to_have_attribute("lang", "am")


def _is_whole(page: Page) -> bool:
    return bool(page.locator("html").evaluate("el => el.scrollWidth <= el.clientWidth"))


@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_pages_fit(open_page: Open, person: Person, width: int, dark: bool) -> None:
    page = open_page("/account", person, width=width, dark=dark)
    look = f"{width}-{'dark' if dark else 'light'}"
    for name, path in (
        ("profile", "/account"),
        ("data", "/account/data"),
        ("deletion", "/account/data/delete"),
    ):
        page.goto(path)
        screenshot(page, f"{name}-{look}")
        assert _is_whole(page), f"{path} scrolls sideways"
    page.get_by_role("textbox", name="Your e-mail address").fill(person.email)
    page.get_by_role("button", name="Delete my account").click()
    for name, path in (("data-leaving", "/account/data"), ("dashboard-leaving", "/dashboard")):
        page.goto(path)
        screenshot(page, f"{name}-{look}")
        assert _is_whole(page), f"{path} scrolls sideways"


def _opened(page: Page, path: str) -> LearnPage:
    """Open a lesson and wait until its player is there and has the keyboard."""
    page.goto(path)
    expect(page.locator(".player")).to_have_attribute("data-ready", "true")
    page.locator(".player").focus()
    return LearnPage(page)


def test_speed_of_the_account_counts_until_another_is_chosen(
    open_page: Open, person: Person, lesson_path: str
) -> None:
    page = open_page("/dashboard", person)
    learn = _opened(page, lesson_path)
    page.keyboard.press("Shift+>")
    until(page, lambda: learn.video("playbackRate") == 1.25, "the player is faster")
    page.goto("/account")
    page.get_by_label("Playback speed").select_option("2.00")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your profile is saved.")).to_be_visible()
    learn = _opened(page, lesson_path)
    until(page, lambda: learn.video("playbackRate") == 2, "the account's speed counts")
    page.keyboard.press("Shift+<")
    until(page, lambda: learn.video("playbackRate") == 1.75, "the player is slower")
    learn = _opened(page, lesson_path)
    until(page, lambda: learn.video("playbackRate") == 1.75, "the player's speed is kept")
