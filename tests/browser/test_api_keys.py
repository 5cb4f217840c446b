"""A person makes an API key, copies it, gives it to a program and revokes it."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.watching import Faults
from tests.support.house import Person
from tests.support.http import Visitor
from tests.support.server import LiveServer

PAGE = "/account/api-keys"


def test_key_is_made_copied_used_and_revoked(
    open_page: Open, learner: Person, site: LiveServer
) -> None:
    page = open_page(PAGE, learner, width=360, height=780)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_label("Name", exact=True).fill("My phone")
    page.get_by_label(re.compile("See your name")).check()
    page.get_by_role("button", name="Make the key").click()
    key = page.get_by_label("Your new key").get_by_role("textbox").input_value()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360, "nothing sticks out on a phone"

    program, bearer = Visitor(site.url), {"Authorization": f"Bearer {key}"}
    answer = program.get("/api/auth/me", headers=bearer)
    assert answer.json["user"]["email"] == learner.email
    assert program.get("/api/playback/sessions", headers=bearer).json["scope"] == "playback"

    page.reload()
    expect(page.get_by_text("last used on")).to_be_visible()
    assert key not in page.content(), "it was shown once"
    page.go_back()
    page.go_forward()
    assert key not in page.content()
    page.get_by_role("button", name="Revoke the key “My phone”").click()
    expect(page.get_by_text("The key “My phone” is revoked.")).to_be_visible()
    assert program.get("/api/auth/me", headers=bearer).status == 401


def test_form_that_lacks_a_scope_keeps_what_was_typed(
    open_page: Open, learner: Person, faults: Faults
) -> None:
    faults.expect(r"status of 422")
    page = open_page(PAGE, learner)
    page.get_by_label("Name", exact=True).fill("Course report")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_text("Choose at least one thing")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Course report")
