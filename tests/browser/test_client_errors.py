"""An error in a browser: nobody sees it there, so it is told, without saying whose it was."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Request, Route

from tests.browser.conftest import Open
from tests.browser.watching import Faults, until
from tests.support.house import House
from tests.support.sentry import Sentry, running_sentry
from tests.support.server import LiveServer

REPORTS = "/api/client-errors"
ARRIVES_SECONDS = 60.0
# What a release with a mistake would add to the site's script.
MISTAKES = """
setTimeout(function startCanary() { null.canary_property; }, 0);
setTimeout(() => { throw new Error('ada.canary@mail.example cannot start'); }, 0);
Promise.reject(new RangeError('nobody awaits this'));
for (let i = 0; i < 9; i += 1) setTimeout(() => { throw new Error(`one of many ${i}`); }, 500);
"""


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    with running_sentry() as sentry:
        yield sentry


@pytest.fixture
def told_site(house: House, sentry: Sentry) -> Iterator[LiveServer]:
    """The house, telling `sentry`."""
    with house.served(SENTRY_DSN=sentry.dsn, LOG_FORMAT="json") as server:
        yield server


def _watch(page: Page) -> list[dict[str, object]]:
    """Return the reports that a page sends from now on, as they are sent."""
    sent: list[dict[str, object]] = []

    def note(request: Request) -> None:
        if request.url.endswith(REPORTS):
            sent.append(json.loads(request.post_data or "{}"))

    page.on("request", note)
    return sent


def _break(page: Page) -> None:
    """Serve a broken script to a page from now on."""

    def serve(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text() + MISTAKES)

    page.route("**/js/main.js", serve)


def test_a_crash_in_the_browser_arrives(
    open_page: Open, told_site: LiveServer, sentry: Sentry, faults: Faults
) -> None:
    faults.expect("canary|one of many|nobody awaits|cannot start")
    page = open_page("/auth/sign-in", server=told_site)
    sent = _watch(page)
    _break(page)
    page.goto("/courses?q=canary-search")
    until(page, lambda: len(sent) >= 5, "the errors are told", ARRIVES_SECONDS)
    until(page, lambda: len(sentry.events) >= 5, "Sentry has them", ARRIVES_SECONDS)
    page.wait_for_load_state("networkidle")
    assert len(sent) == 5  # of a dozen
    assert {report["kind"] for report in sent} == {"error", "rejection"}
    names = {event["exception"]["values"][0]["type"] for event in sentry.events}
    assert names <= {"Error", "TypeError", "RangeError"}
    [event] = sentry.telling("startCanary")
    assert event["transaction"] == "courses.index"
    assert event["exception"]["values"][0]["stacktrace"]["frames"][-1]["function"] == "startCanary"
    log = told_site.log
    assert '"event": "client error"' in log
    assert "canary-search" not in log + "".join(sentry.envelopes)
    assert "ada.canary" not in log + "".join(sentry.envelopes)


def test_what_is_not_ours_is_not_told(open_page: Open, faults: Faults) -> None:
    """An extension of the browser fails, a picture does not load, the network breaks."""
    faults.expect("extension|Failed to load|ERR_|network")
    page = open_page("/courses")
    sent = _watch(page)
    page.evaluate("setTimeout(() => { throw new Error('of an extension'); }, 0)")
    page.evaluate(
        """() => new Promise((done) => {
          const picture = new Image();
          picture.onerror = done;
          picture.src = '/no-such-picture.png';
          document.body.append(picture);
        })"""
    )
    page.evaluate("fetch('/courses').then(() => {})")
    page.wait_for_load_state("networkidle")
    assert sent == []
