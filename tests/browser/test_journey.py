"""The main journey: from the catalog to a moving, marked, adaptive picture."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.browser.conftest import Open
from tests.browser.watching import LearnPage, screenshot, sign_in_by_form, until
from tests.support.house import House

CODE = re.compile(r"[3467ACDEFGHJKMNPQRTVWXY9]{8}")


def _find_course(page: Page, words: str, title: str) -> None:
    search = page.get_by_role("searchbox").first
    search.fill(words)
    search.press("Enter")
    expect(page).to_have_url(re.compile(r"[?&]q="))
    page.get_by_role("link", name=title).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)


@pytest.mark.parametrize("width", [360, 1280])
def test_a_visitor_finds_a_course_enrols_and_watches(
    open_page: Open, house: House, width: int
) -> None:
    email = f"visitor-{width}@example.com"
    page = open_page("/courses", width=width)
    _find_course(page, "knots", "First knots")
    page.get_by_role("link", name="Create one").click()
    page.get_by_label("Name").fill("Vera Visitor")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(factories.PASSWORD)
    page.get_by_role("button", name=re.compile("account", re.IGNORECASE)).click()
    expect(page).to_have_url(re.compile("/auth/sign-in"))
    sign_in_by_form(page, email, factories.PASSWORD)
    expect(page).to_have_url(re.compile(f"/courses/{house.free_slug}"))
    page.get_by_role("button", name="Enrol for free").click()
    expect(page).to_have_url(re.compile(f"/learn/{house.free_slug}/"))
    learn = LearnPage(page)
    learn.play()
    mark = learn.expect_watermark()
    assert "Vera Visitor" in mark["text"]
    assert email not in mark["text"]
    assert CODE.search(mark["text"])
    screenshot(page, f"journey-{width}")


def test_two_renditions_are_used(open_page: Open, learner, lesson_path: str) -> None:
    learn = LearnPage(open_page(lesson_path, learner))
    learn.play()
    height = int(learn.video("videoHeight"))
    assert height > 0
    lowest = "240p" if height != 240 else "360p"
    learn.choose("quality", lowest)
    wanted = int(lowest.removesuffix("p"))
    until(
        learn.page,
        lambda: learn.video("videoHeight") == wanted,
        f"the picture changes from {height} to {lowest}",
        45,
    )
    pictures = [rung for rung in learn.rungs if rung != "audio"]
    assert len(pictures) >= 2
    learn.wait_until_moving()


def test_watermark_is_drawn_in_full_screen_too(open_page: Open, learner, lesson_path: str) -> None:
    learn = LearnPage(open_page(lesson_path, learner))
    learn.play()
    before = learn.expect_watermark()
    learn.show_controls()
    learn.part("full-screen").click()
    until(
        learn.page, lambda: learn.watermark().get("isInFullScreen"), "full screen has the mark", 10
    )
    inside = learn.expect_watermark(CODE.search(before["text"]).group(0))
    assert inside["frame"][2] - inside["frame"][0] >= before["frame"][2] - before["frame"][0]
    screenshot(learn.page, "full-screen")
    learn.page.keyboard.press("Escape")
    learn.page.evaluate("document.fullscreenElement && document.exitFullscreen()")
    until(learn.page, lambda: not learn.watermark().get("isInFullScreen"), "full screen is left")
    learn.expect_watermark()


def test_a_removed_watermark_comes_back(open_page: Open, learner, lesson_path: str) -> None:
    learn = LearnPage(open_page(lesson_path, learner))
    learn.play()
    learn.expect_watermark()
    for mischief in (
        "mark.remove()",
        "mark.style.setProperty('display', 'none', 'important')",
        "mark.style.setProperty('opacity', '0', 'important')",
        "mark.replaceChildren()",
        "mark.hidden = true",
    ):
        script = "() => { const mark = document.querySelector('[data-part=\"watermark\"]'); %s }"
        learn.page.evaluate(script % mischief)
        learn.page.wait_for_timeout(500)
        learn.expect_watermark()
    learn.wait_until_moving()


def test_a_reload_resumes_where_it_was(open_page: Open, learner, lesson_path: str) -> None:
    learn = LearnPage(open_page(lesson_path, learner))
    learn.play()
    learn.page.evaluate("document.querySelector('.player video').currentTime = 20")
    learn.wait_until_moving(20.0)
    left_at = learn.time
    learn.page.reload()
    learn.play()
    assert abs(learn.time - left_at) <= 5
    expect(learn.page.get_by_text(re.compile(r"Resumed at 0:\d\d"))).to_be_visible()


def test_a_closed_tab_resumes_in_another_browser(
    open_page: Open, learner, lesson_path: str
) -> None:
    """The position is the server's, and the stream of the closed tab is released."""
    first = LearnPage(open_page(lesson_path, learner))
    first.play()
    first.page.evaluate("document.querySelector('.player video').currentTime = 24")
    first.wait_until_moving(24.0)
    left_at = first.time
    first.page.close(run_before_unload=False)
    second = LearnPage(open_page(lesson_path, learner))
    second.play()
    assert abs(second.time - left_at) <= 5


def test_progress_is_ticked_off_after_watching(open_page: Open, house: House) -> None:
    """Text lessons are ticked by hand; the outline and the dashboard then say so."""
    person = house.add_learner()
    page = open_page(f"/learn/{house.course_slug}/{house.text_lesson}", person)
    page.get_by_role("button", name=re.compile("complete", re.IGNORECASE)).first.click()
    expect(page.get_by_text(re.compile(r"33\s*%")).first).to_be_visible()
    page.goto("/dashboard")
    expect(page.get_by_text(re.compile(r"33\s*%")).first).to_be_visible()
