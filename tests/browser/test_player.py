"""The player beyond the main journey: honest progress, going on, memory, tampering, thrift."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.conftest import Open
from tests.browser.watching import SEGMENT, Faults, LearnPage, until
from tests.support.house import House, Person

MAX_FIRST_LOAD_BYTES = 150_000
REFUSAL = r"status of (409|410)"


class Beats:
    """The bodies of the heartbeats that a page sends."""

    def __init__(self, page: Page) -> None:
        self.bodies: list[dict[str, Any]] = []
        page.on("request", self._note)

    def _note(self, request: Request) -> None:
        if request.url.endswith("/heartbeat"):
            self.bodies.append(request.post_data_json)

    @property
    def watched(self) -> set[int]:
        """Every second that was reported as shown."""
        ranges = [pair for body in self.bodies for pair in body["watched"]]
        return {second for first, last in ranges for second in range(int(first), int(last))}


@pytest.fixture
def learn(open_page: Open, learner: Person, lesson_path: str) -> LearnPage:
    """The video lesson, before play."""
    return LearnPage(open_page(lesson_path, learner))


def _current_lesson(page: Page) -> Any:
    return page.locator('.outline [aria-current="page"]')


def _go_near_end(learn: LearnPage) -> None:
    learn.page.evaluate("document.querySelector('.player video').currentTime = 46.5")


def test_little_is_loaded_before_play(learn: LearnPage) -> None:
    expect(learn.page.locator(".player")).to_have_attribute("data-ready", "true")
    learn.page.wait_for_load_state("networkidle")
    loaded = learn.page.evaluate(
        """() => performance.getEntriesByType('resource')
          .concat(performance.getEntriesByType('navigation'))
          .map((entry) => [entry.name, entry.transferSize])"""
    )
    assert not [name for name, _ in loaded if "/hls.js/" in name]
    assert sum(size for _, size in loaded) <= MAX_FIRST_LOAD_BYTES


def test_a_press_before_the_player_is_there_counts(
    open_page: Open, learner: Person, lesson_path: str
) -> None:
    """On a slow line the button is seen long before its script."""
    page = open_page("/", learner)
    held: list[Route] = []
    page.route("**/modules/player.js", lambda route: held.append(route))  # noqa: PLW0108
    page.goto(page.url.rstrip("/") + lesson_path, wait_until="commit")
    learn = LearnPage(page)
    learn.part("start").click()
    until(page, lambda: held, "the player's script is asked for")
    for route in held:
        route.continue_()
    learn.wait_until_moving()


def test_the_next_lesson_keeps_full_screen(learn: LearnPage) -> None:
    page = learn.page
    learn.play()
    page.locator(".player").focus()
    page.keyboard.press("f")
    until(page, lambda: page.evaluate("!!document.fullscreenElement"), "full screen")
    page.keyboard.press("Shift+N")
    expect(page).to_have_title(re.compile("^A first look"))
    learn.wait_until_moving()
    assert page.evaluate("document.fullscreenElement === document.querySelector('.player')")
    expect(_current_lesson(page)).to_contain_text("A first look")
    expect(page.get_by_role("heading", level=1)).to_have_text("A first look")
    page.go_back()
    expect(page).to_have_title(re.compile("^Stringing the warp"))


def test_the_countdown_at_the_end_can_be_cancelled(learn: LearnPage) -> None:
    learn.play()
    _go_near_end(learn)
    panel = learn.part("next-panel")
    expect(panel).to_be_visible()
    expect(panel).to_contain_text("A first look")
    address = learn.page.url
    learn.part("next-cancel").click()
    learn.page.wait_for_timeout(9_000)
    assert learn.page.url == address
    learn.part("next-go").click()
    expect(learn.page).to_have_title(re.compile("^A first look"))


def test_seeking_to_the_end_completes_nothing(learn: LearnPage) -> None:
    beats = Beats(learn.page)
    learn.play()
    _go_near_end(learn)
    until(learn.page, lambda: learn.video("ended"), "the end")
    until(learn.page, lambda: 47 in beats.watched, "the last second is reported")
    assert len(beats.watched) < 12
    expect(_current_lesson(learn.page)).to_have_attribute("data-state", "open")


def test_watching_to_the_end_ticks_the_lesson_without_a_reload(learn: LearnPage) -> None:
    learn.play()
    learn.choose("speed", "2\u00d7")
    until(learn.page, lambda: learn.video("ended"), "the end", 60)
    expect(_current_lesson(learn.page)).to_have_attribute("data-state", "done")
    expect(learn.page.locator('[data-part="course-percent"]')).to_have_text("33 % done")
    expect(learn.page.locator('[data-part="completed"]')).to_be_visible()


def test_only_contiguous_playing_counts(learn: LearnPage) -> None:
    """Positions are fed by hand: `note(position, rate, clock)`."""
    told = learn.page.evaluate(
        """async () => {
          const source = document.querySelector('link[rel=modulepreload]').href;
          const { WatchedRanges } = await import(new URL('player/progress.js', source).href);
          const watched = new WatchedRanges();
          const told = [];
          watched.begin(10, 0);
          for (let second = 1; second <= 5; second += 1) watched.note(10 + second, 1, second);
          told.push(watched.take());
          watched.note(15.5, 1, 5.5);
          watched.note(40, 1, 6);
          watched.note(41, 1, 7);
          watched.note(43, 2, 8);
          watched.cut();
          told.push(watched.take(), watched.take());
          watched.restore([[40, 43]]);
          watched.begin(43.2, 20);
          watched.note(44.2, 1, 21);
          told.push(watched.take());
          return told;
        }"""
    )
    assert told == [[[10, 15]], [[40, 43]], [], [[40, 44]]]


def test_rungs_of_one_height_are_told_apart(learn: LearnPage) -> None:
    """Slides keep their height and save data by a coarser picture."""
    rungs, chosen = learn.page.evaluate(
        """async () => {
          const source = document.querySelector('link[rel=modulepreload]').href;
          const { rungsOf, rungFor } = await import(new URL('player/rungs.js', source).href);
          const rungs = rungsOf([
            { height: 720, bitrate: 80_000 },
            { height: 720, bitrate: 180_000 },
            { height: 360, bitrate: 40_000 },
          ]);
          const chosen = ['720', '720-low', '480', '240'].map((v) => rungFor(rungs, v).value);
          return [rungs.map(({ value, index }) => [value, index]), chosen];
        }"""
    )
    assert rungs == [["720", 1], ["720-low", 0], ["360", 2]]
    assert chosen == ["720", "720-low", "360", "360"]


def test_speed_and_captions_are_remembered(learn: LearnPage) -> None:
    learn.play()
    learn.choose("speed", "1.5")
    learn.choose("captions", "English")
    learn.page.reload()
    learn.play()
    assert learn.video("playbackRate") == 1.5
    until(learn.page, lambda: learn.part("captions").is_visible(), "captions show again")


def test_reload_resumes_and_offers_the_start(learn: LearnPage) -> None:
    learn.play()
    learn.page.evaluate("document.querySelector('.player video').currentTime = 20")
    learn.wait_until_moving(20)
    left_at = learn.time
    learn.page.reload()
    learn.play()
    assert abs(learn.time - left_at) < 5
    expect(learn.part("toast")).to_contain_text("Resumed at 0:2")
    learn.part("start-over").click()
    until(learn.page, lambda: learn.time < 5, "the start")


def test_the_start_is_reached_although_nothing_was_loaded_yet(learn: LearnPage) -> None:
    """On a slow line the offer is seen, and taken, before the first picture has come."""
    learn.play()
    learn.page.evaluate("document.querySelector('.player video').currentTime = 20")
    learn.wait_until_moving(20)
    learn.page.reload()
    held: list[Route] = []
    is_slow = True
    learn.page.route(SEGMENT, lambda route: held.append(route) if is_slow else route.continue_())
    expect(learn.page.locator(".player")).to_have_attribute("data-ready", "true")
    learn.part("play").click()
    until(learn.page, lambda: held, "segments are asked for")
    learn.part("start-over").click()
    is_slow = False
    for route in held:
        route.continue_()
    until(learn.page, lambda: 0 < learn.time < 10, "the start is shown")
    learn.wait_until_moving()
    assert learn.time < 10


def test_a_reload_whose_goodbye_was_lost_locks_nobody_out(
    open_page: Open, house: House, learner: Person, lesson_path: str, faults: Faults
) -> None:
    faults.expect(REFUSAL)
    faults.expect("ERR_CONNECTION")
    with house.served(MAX_STREAMS="1") as server:
        learn = LearnPage(open_page(lesson_path, learner, server=server))
        learn.play()
        learn.page.evaluate("navigator.sendBeacon = () => true")
        learn.page.reload()
        learn.play()


def test_listening_loads_the_sound_alone(learn: LearnPage) -> None:
    learn.play()
    learn.choose("quality", "Sound only")
    until(learn.page, lambda: learn.video("videoWidth") == 0, "the picture is gone")
    learn.wait_until_moving()
    learn.rungs.clear()
    learn.page.evaluate("document.querySelector('.player video').currentTime = 35")
    learn.wait_until_moving(35)
    assert learn.rungs == ["audio"]
    learn.choose("quality", "Auto")
    until(learn.page, lambda: learn.video("videoWidth") > 0, "the picture is back")
    assert learn.time > 34


def test_a_line_of_the_transcript_leads_to_its_place(learn: LearnPage) -> None:
    learn.page.get_by_role("tab", name="Transcript").click()
    learn.page.get_by_role("link", name=re.compile("Line 21")).click()
    learn.wait_until_moving(20.9)
    assert learn.time < 30
    spoken = learn.page.locator('.transcript__line[aria-current="true"]')
    expect(spoken).to_contain_text("Line")


def test_a_mark_that_cannot_stay_stops_the_film_and_is_reported(learn: LearnPage) -> None:
    beats = Beats(learn.page)
    learn.play()
    learn.page.evaluate(
        """() => {
          const drop = () => document.querySelector('[data-part="watermark"]')?.remove();
          const player = document.querySelector('.player');
          new MutationObserver(drop).observe(player, { childList: true });
          drop();
        }"""
    )
    until(learn.page, lambda: learn.video("paused"), "it pauses")
    expect(learn.part("message-title")).to_have_text("Playback is paused")
    until(
        learn.page,
        lambda: any(body["watermark_hidden"] for body in beats.bodies),
        "the server is told",
    )


def test_the_bare_video_cannot_fill_the_screen(learn: LearnPage) -> None:
    learn.play()
    learn.page.evaluate("document.querySelector('.player video').requestFullscreen()")
    until(learn.page, lambda: learn.video("paused"), "it pauses")
    assert learn.page.evaluate("document.fullscreenElement") is None


def test_keys_are_off_while_something_else_takes_them(learn: LearnPage) -> None:
    learn.play()
    learn.page.locator("#language").focus()
    learn.page.keyboard.press("k")
    learn.page.get_by_role("link", name="Next").focus()
    learn.page.keyboard.press("Control+k")
    learn.page.wait_for_timeout(500)
    assert not learn.video("paused")
    learn.page.keyboard.press("k")
    until(learn.page, lambda: learn.video("paused"), "K works from the page")


def test_pressing_play_many_times_opens_one_stream(learn: LearnPage) -> None:
    tokens: list[str] = []
    learn.page.on(
        "request", lambda request: "playback/token" in request.url and tokens.append(request.url)
    )
    expect(learn.page.locator(".player")).to_have_attribute("data-ready", "true")
    learn.page.evaluate(
        "for (let i = 0; i < 5; i += 1) document.querySelector('[data-part=start]').click()"
    )
    learn.wait_until_moving()
    assert len(tokens) == 1


def test_chapters_open_as_a_sheet_on_a_phone(
    open_page: Open, learner: Person, lesson_path: str
) -> None:
    page = open_page(lesson_path, learner, width=360)
    sheet = page.locator("#chapters")
    expect(sheet).to_be_hidden()
    page.get_by_role("button", name=re.compile("Chapters")).click()
    expect(sheet).to_be_visible()
    expect(_current_lesson(page)).to_contain_text("Stringing the warp")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
