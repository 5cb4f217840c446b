"""Playing longer than every token, lease and grant lives; and what ends it, ends it soon."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.watching import Faults, LearnPage, screenshot, until
from tests.support.house import House, Person
from tests.support.server import LiveServer

# Everything expires several times within one clip; the player buffers 30 s ahead at most.
SHORT_LIVES = {
    "PLAYBACK_TOKEN_SECONDS": "4",
    "PLAYBACK_LEASE_SECONDS": "8",
    "HEARTBEAT_INTERVAL_SECONDS": "2",
    "MEDIA_GRANT_SECONDS": "5",
    "PLAYBACK_TOKENS_PER_MINUTE": "600",
    "MAX_STREAMS": "1",
}
HEARTBEAT_SECONDS = 2
REFUSAL = r"status of (401|403|404|409|410)"


@pytest.fixture(scope="module")
def hasty_site(house: House) -> Iterator[LiveServer]:
    """The house with short lives."""
    with house.served(**SHORT_LIVES) as server:
        yield server


@pytest.fixture
def learn(open_page: Open, hasty_site: LiveServer, learner: Person, lesson_path: str) -> LearnPage:
    """A lesson that plays on short lives."""
    learn = LearnPage(open_page(lesson_path, learner, server=hasty_site))
    learn.play()
    return learn


STALLS = """() => {
  const video = document.querySelector('.player video');
  window.stalls = [];
  let last = video.currentTime;
  let at = performance.now();
  setInterval(() => {
    if (video.currentTime !== last || video.paused) {
      last = video.currentTime;
      at = performance.now();
    } else if (performance.now() - at > 1500) {
      window.stalls.push(video.currentTime);
      at = performance.now();
    }
  }, 100);
}"""


def test_a_clip_longer_than_every_life_plays_to_its_end(learn: LearnPage) -> None:
    """The clip takes 48 s; token, lease and grant live 4, 8 and 5 s."""
    sessions: list[str] = []
    pattern = re.compile(r"/api/playback/sessions/([0-9a-f-]{36})/heartbeat")

    def note(address: str) -> None:
        found = pattern.search(address)
        if found and found[1] not in sessions:
            sessions.append(found[1])

    learn.page.on("request", lambda request: note(request.url))
    learn.page.evaluate(STALLS)
    until(learn.page, lambda: learn.video("ended") or learn.time > 47, "the end is reached", 120)
    assert learn.page.evaluate("window.stalls") == []
    assert len(sessions) == 1, "a renewal keeps the session's id"
    numbers = {number for rung, number in learn.segments if rung != "audio"}
    assert numbers == set(range(12)), "every segment was fetched while it played"


def test_pausing_longer_than_the_lease_goes_on_where_it_was(learn: LearnPage) -> None:
    learn.wait_until_moving()
    learn.show_controls()
    learn.part("play").click()
    until(learn.page, lambda: learn.video("paused"), "it pauses")
    paused_at = learn.time
    learn.page.wait_for_timeout(12_000)
    learn.part("play").click()
    learn.wait_until_moving()
    assert learn.time - paused_at < 5


def test_a_sleep_longer_than_the_lease_is_forgiven(learn: LearnPage, faults: Faults) -> None:
    """A laptop that slept asks for a new lease without a word and plays on."""
    faults.expect(REFUSAL)
    faults.expect("ERR_INTERNET_DISCONNECTED")
    learn.wait_until_moving()
    learn.page.context.set_offline(True)
    learn.page.wait_for_timeout(10_000)
    learn.page.context.set_offline(False)
    before = learn.time
    learn.wait_until_moving(before)
    learn.wait_for_time(before + 6, 60)


def test_revoking_the_enrollment_stops_it_within_a_heartbeat(
    learn: LearnPage, house: House, learner: Person, faults: Faults
) -> None:
    faults.expect(REFUSAL)
    learn.wait_until_moving()
    house.revoke(learner)
    message = learn.page.get_by_text("Your access to this course has ended")
    expect(message).to_be_visible(timeout=(HEARTBEAT_SECONDS + 3) * 1000)
    stopped_at = learn.time
    learn.page.wait_for_timeout(1500)
    assert learn.time == stopped_at
    assert learn.video("buffered.length") == 0
    screenshot(learn.page, "access-ended")


def test_another_device_is_offered_to_be_stopped(
    learn: LearnPage,
    open_page: Open,
    hasty_site: LiveServer,
    learner: Person,
    lesson_path: str,
    faults: Faults,
) -> None:
    """With one stream allowed the second device may take over, and the first one says why."""
    faults.expect(REFUSAL)
    second = LearnPage(open_page(lesson_path, learner, server=hasty_site))
    expect(second.page.locator(".player")).to_have_attribute("data-ready", "true")
    second.part("play").click()
    take_over = second.page.get_by_role("button", name=re.compile("Watch here"))
    expect(take_over.first).to_be_visible()
    screenshot(second.page, "stream-limit")
    take_over.first.click()
    second.wait_until_moving()
    told = learn.page.get_by_text("You are watching somewhere else")
    expect(told).to_be_visible(timeout=(HEARTBEAT_SECONDS + 3) * 1000)


def test_losing_the_network_keeps_the_frame_and_recovers(learn: LearnPage, faults: Faults) -> None:
    faults.expect("ERR_INTERNET_DISCONNECTED")
    faults.expect(REFUSAL)
    learn.wait_until_moving()
    learn.page.context.set_offline(True)
    learn.page.wait_for_timeout(4_000)
    assert learn.video("videoWidth") > 0
    learn.expect_watermark()
    learn.page.context.set_offline(False)
    learn.wait_until_moving()
