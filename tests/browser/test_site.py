"""The site's own look, its navigation on a phone, and looking at it as a learner, in a browser."""

import re

from playwright.sync_api import Page, expect
from sqlalchemy import delete

from app.domain.accounts.models import Role
from app.domain.site.models import SiteChoices
from tests.browser.conftest import Open
from tests.browser.watching import Faults
from tests.support.house import House


def _accent(page: Page) -> str:
    """The colour that a link's accent really has."""
    script = "getComputedStyle(document.querySelector('.settings__link')).color"
    return str(page.evaluate(script))


def test_hue_is_tried_on_before_it_is_saved_and_worn_after(open_page: Open, house: House) -> None:
    admin = house.add_learner(role=Role.ADMIN, enrolled=False)
    try:
        desk = open_page("/admin/settings", admin)
        before = _accent(desk)
        own = desk.get_by_label("Use an accent of our own")
        desk.get_by_label("Hue").fill("25")
        expect(own).to_be_checked()
        expect(desk.get_by_text("This page shows the hue already")).to_be_visible()
        expect(desk.locator("link[data-accent]")).to_have_attribute("href", "/accent/25.css")
        desk.wait_for_function(
            "before => getComputedStyle(document.querySelector('.settings__link')).color"
            " !== before",
            arg=before,
        )
        tried = _accent(desk)
        own.uncheck()
        desk.wait_for_function(
            "before => getComputedStyle(document.querySelector('.settings__link')).color"
            " === before",
            arg=before,
        )
        own.check()
        desk.get_by_role("button", name="Save").click()
        expect(desk.get_by_text("Saved.")).to_be_visible()
        assert _accent(desk) == tried
    finally:
        with house.session() as session:
            session.execute(delete(SiteChoices))
            session.commit()


def test_current_entry_is_in_sight_on_a_phone(open_page: Open, house: House) -> None:
    admin = house.add_learner(role=Role.ADMIN, enrolled=False)
    desk = open_page("/admin/audit", admin, width=360, height=740)
    current = desk.get_by_role("navigation", name="Administration").locator("[aria-current]")
    expect(current).to_have_text("Audit")
    expect(current).to_be_in_viewport(ratio=1)


def test_staff_looks_as_a_learner_and_is_told_why_nothing_plays(
    open_page: Open, house: House, lesson_path: str, faults: Faults
) -> None:
    faults.expect("403")
    admin = house.add_learner(role=Role.ADMIN, enrolled=False)
    learner = house.add_learner()
    desk = open_page(f"/admin/users/{learner.user_id}", admin, width=360, height=740)
    desk.get_by_role("link", name="Look at the site as this person").click()
    desk.get_by_label("Reason").fill("A lesson does not open.")
    desk.get_by_role("button", name="Look as this person").click()
    expect(desk).to_have_url(re.compile("/dashboard$"))
    bar = desk.get_by_role("complementary", name="Looking as somebody else")
    expect(bar).to_contain_text("You look at the site as Lena Browser")
    desk.goto(lesson_path)
    desk.get_by_role("button", name="Play").first.click()
    expect(desk.get_by_text("nothing plays").first).to_be_visible()
    bar.get_by_role("button", name="Stop").click()
    expect(desk).to_have_url(re.compile(f"/admin/users/{learner.user_id}$"))
    expect(desk.get_by_text("You are yourself again.")).to_be_visible()
    desk.goto("/account")
    expect(desk.get_by_role("heading", level=1)).to_have_text("Profile")
