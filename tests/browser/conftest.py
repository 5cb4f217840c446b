"""A real Chromium against a real server; whatever the console complains about fails the test."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.watching import Faults
from tests.support.house import House, Person
from tests.support.server import LiveServer

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
Open = Callable[..., Page]


def _executable() -> str | None:
    given = os.environ.get("CHROMIUM_BIN")
    return given or next((path for name in NAMES if (path := shutil.which(name))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let browser tests run last: what they show broken is mostly shown by others first."""
    here = Path(__file__).parent
    items.sort(key=lambda item: here in item.path.parents)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser."""
    executable = _executable()
    if executable is None:
        pytest.skip("Chromium is missing; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(house: House) -> Iterator[LiveServer]:
    """The furnished house, served."""
    with house.served(PLAYBACK_TOKENS_PER_MINUTE="600") as server:
        yield server


@pytest.fixture(autouse=True)
def db_session() -> None:
    """Browser tests have rows of their own in the house's database."""


@pytest.fixture
def faults() -> Iterator[Faults]:
    """What the console said; anything unexpected fails the test at its end."""
    faults = Faults()
    yield faults
    assert faults.unexpected() == []


@pytest.fixture
def open_page(chromium: Browser, site: LiveServer, faults: Faults) -> Iterator[Open]:
    """A function that opens a page in a browser context of its own, signed in as `person`."""
    contexts: list[BrowserContext] = []

    def open_page(
        path: str = "/",
        person: Person | None = None,
        server: LiveServer = site,
        width: int = 1280,
        height: int = 800,
        dark: bool = False,
    ) -> Page:
        context = chromium.new_context(
            base_url=server.url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            locale="en-GB",
        )
        contexts.append(context)
        context.set_default_timeout(15_000)
        if person is not None:
            context.add_cookies(
                [{"name": "session", "value": person.token, "url": server.url, "httpOnly": True}]
            )
        page = context.new_page()
        faults.watch(page)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def learner(house: House) -> Person:
    """Somebody enrolled in the house's course, with no stream open."""
    return house.add_learner()


@pytest.fixture
def lesson_path(house: House) -> str:
    """The address of the video lesson that only the enrolled may watch."""
    return f"/learn/{house.course_slug}/{house.video_lesson}"
