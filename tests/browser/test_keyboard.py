"""The whole journey by keyboard alone, and every key of the player."""

import re

from playwright.sync_api import Page, expect

from tests import factories
from tests.browser.conftest import Open
from tests.browser.watching import LearnPage, until
from tests.support.house import House, Person

MAX_STOPS = 60


def _focused(page: Page) -> str:
    """Return what the focused element is called."""
    return str(
        page.evaluate(
            """() => { const e = document.activeElement;
            const label = e.labels?.[0]?.textContent ?? '';
            return [e.tagName, e.getAttribute('aria-label') ?? '', label, e.textContent]
              .join(' ').replace(/\\s+/g, ' ').trim(); }"""
        )
    )


def _tab_to(page: Page, pattern: str) -> None:
    """Press Tab until something that matches `pattern` has the focus, and it shows."""
    for _ in range(MAX_STOPS):
        page.keyboard.press("Tab")
        if re.search(pattern, _focused(page), re.IGNORECASE):
            assert _shows_focus(page), f"{pattern} has the focus and does not show it"
            return
    raise AssertionError(f"{MAX_STOPS} tabs lead to no {pattern!r}; last was {_focused(page)!r}")


def _shows_focus(page: Page) -> bool:
    return bool(
        page.evaluate(
            """() => { const e = document.activeElement;
            const s = getComputedStyle(e);
            const wrap = getComputedStyle(e.closest('label, .field, .card, li') ?? e);
            return e.matches(':focus-visible') &&
              (s.outlineStyle !== 'none' || s.boxShadow !== 'none' || wrap.outlineStyle !== 'none'
               || wrap.boxShadow !== 'none'); }"""
        )
    )


def test_signing_in_enrolling_and_playing_by_keyboard(open_page: Open, house: House) -> None:
    page = open_page(f"/courses/{house.free_slug}")
    page.keyboard.press("Tab")
    assert "skip" in _focused(page).lower(), "the first stop skips to the content"
    _tab_to(page, r"^A .*Sign in to enrol")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/auth/sign-in"))
    _tab_to(page, "E-mail")
    page.keyboard.type("outsider@example.com")
    _tab_to(page, "Password")
    page.keyboard.type(factories.PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/courses/{house.free_slug}"))
    _tab_to(page, "Enrol for free")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/learn/"))
    learn = LearnPage(page)
    expect(page.locator(".player")).to_have_attribute("data-ready", "true")
    _tab_to(page, r"^BUTTON Play")
    page.keyboard.press("Enter")
    learn.wait_until_moving()
    learn.expect_watermark()


def _is_near(value: float, wanted: float, tolerance: float = 2.5) -> bool:
    return abs(value - wanted) <= tolerance


def test_every_key_of_the_player(open_page: Open, learner: Person, lesson_path: str) -> None:
    learn = LearnPage(open_page(lesson_path, learner))
    page = learn.page
    learn.play()
    page.locator(".player").focus()
    page.keyboard.press("k")
    until(page, lambda: learn.video("paused"), "K pauses")
    for key, wanted in (("3", 14.4), ("l", 24.4), ("j", 14.4), ("ArrowRight", 19.4)):
        page.keyboard.press(key)
        until(page, lambda wanted=wanted: _is_near(learn.time, wanted), f"{key} goes to {wanted}")
    page.keyboard.press("ArrowLeft")
    until(page, lambda: _is_near(learn.time, 14.4), "ArrowLeft goes back")
    page.keyboard.press("Home")
    until(page, lambda: learn.time < 1, "Home goes to the start")
    page.keyboard.press("m")
    until(page, lambda: learn.video("muted"), "M mutes")
    page.keyboard.press("m")
    until(page, lambda: not learn.video("muted"), "M again unmutes")
    page.keyboard.press("ArrowDown")
    until(page, lambda: learn.video("volume") < 1, "ArrowDown lowers the volume")
    page.keyboard.press("Shift+>")
    until(page, lambda: learn.video("playbackRate") > 1, "> speeds up")
    page.keyboard.press("Shift+<")
    until(page, lambda: learn.video("playbackRate") == 1, "< slows down")
    page.keyboard.press("Space")
    learn.wait_until_moving()


def test_the_help_names_the_keys_and_escape_closes_it(
    open_page: Open, learner: Person, lesson_path: str
) -> None:
    page = open_page(lesson_path, learner)
    expect(page.locator(".player")).to_have_attribute("data-ready", "true")
    page.locator(".player").focus()
    page.keyboard.press("Shift+?")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_menus_work_by_arrows_and_escape(
    open_page: Open, learner: Person, lesson_path: str
) -> None:
    learn = LearnPage(open_page(lesson_path, learner))
    learn.play()
    learn.show_controls()
    learn.part("speed-button").focus()
    learn.page.keyboard.press("Enter")
    expect(learn.part("speed-menu")).to_be_visible()
    learn.page.keyboard.press("ArrowDown")
    learn.page.keyboard.press("Enter")
    until(learn.page, lambda: learn.video("playbackRate") != 1, "another speed is chosen")
    learn.part("speed-button").focus()
    learn.page.keyboard.press("Enter")
    learn.page.keyboard.press("Escape")
    expect(learn.part("speed-menu")).to_be_hidden()
    assert "Speed" in _focused(learn.page)


def test_captions_are_switched_and_shown(
    open_page: Open, learner: Person, lesson_path: str
) -> None:
    learn = LearnPage(open_page(lesson_path, learner))
    learn.play()
    learn.choose("captions", "English")
    shown = learn.part("captions")
    until(learn.page, lambda: shown.is_visible() and shown.text_content(), "captions show", 15)
    mark = learn.expect_watermark()
    box = shown.bounding_box()
    assert box is not None
    assert mark["box"][3] <= box["y"] + 1 or mark["box"][0] >= box["x"] + box["width"]
