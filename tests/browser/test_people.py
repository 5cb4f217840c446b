"""Looking after accounts in a browser: found, suspended, thrown out, let in again, on the trail."""

import re

from playwright.sync_api import expect

from app.domain.accounts.models import LoginSession, Role
from tests.browser.conftest import Open
from tests.support.house import House

REASON = "Shares the password in a forum."


def test_somebody_is_found_suspended_and_reinstated(open_page: Open, house: House) -> None:
    admin = house.add_learner(role=Role.ADMIN, enrolled=False)
    learner = house.add_learner()
    watching = open_page("/dashboard", learner)
    expect(watching).to_have_url(re.compile("/dashboard$"))
    desk = open_page("/admin/users", admin, width=360, height=740)
    desk.get_by_label("Name or e-mail").fill(learner.email)
    desk.get_by_role("button", name="Search").click()
    desk.get_by_role("row").filter(has_text=learner.email).get_by_role("link").click()
    desk.get_by_role("link", name="Suspend").click()
    expect(desk.get_by_text("Every device is signed out at the next click")).to_be_visible()
    desk.get_by_label("Reason").fill(REASON)
    desk.get_by_role("button", name="Suspend the account").click()
    expect(desk.get_by_role("status").first).to_contain_text("The account is suspended.")
    watching.reload()
    expect(watching).to_have_url(re.compile("/auth/sign-in"))
    desk.get_by_role("link", name="Reinstate").click()
    expect(desk.get_by_role("button", name="Reinstate the account")).to_be_visible()
    desk.go_back()
    desk.go_forward()
    desk.get_by_role("button", name="Reinstate the account").click()
    expect(desk.get_by_text("The account is reinstated.")).to_be_visible()
    watching.reload()
    expect(watching).to_have_url(re.compile("/auth/sign-in"))
    desk.get_by_role("link", name="All that was done to this account").click()
    table = desk.get_by_role("region", name="Events")
    expect(table.get_by_text("account.suspended")).to_be_visible()
    expect(table.get_by_text(REASON)).to_be_visible()
    with desk.expect_download() as started:
        desk.get_by_role("link", name="Save as CSV").click()
    text = started.value.path().read_text(encoding="utf-8")
    assert "account.reinstated" in text
    assert REASON in text


def test_staff_shows_again_who_it_is_before_an_act(open_page: Open, house: House) -> None:
    """The way leads over the confirmation and back to the very act."""
    admin = house.add_learner(role=Role.ADMIN, enrolled=False)
    learner = house.add_learner()
    with house.session() as session:
        row = session.query(LoginSession).filter_by(user_id=admin.user_id).one()
        row.authenticated_at = row.authenticated_at.replace(year=2020)
        session.commit()
    desk = open_page(f"/admin/users/{learner.user_id}/role", admin)
    expect(desk).to_have_url(re.compile("/account/confirm"))
    assert f"/admin/users/{learner.user_id}/role" in desk.url.replace("%2F", "/")
