"""Signing up, verifying, two devices, a forgotten password, a step-up: with the mail of /outbox."""

import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from app.clock import utcnow
from app.domain.accounts.models import LoginSession, User
from tests import factories
from tests.browser.conftest import Open
from tests.browser.watching import screenshot, sign_in_by_form, until
from tests.support.house import House
from tests.support.server import running

FRESH = "a-fresh-long-password-9"


@pytest.fixture(scope="module")
def _postman(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A worker that writes the house's mail."""
    log: Path = tmp_path_factory.mktemp("worker") / "worker.log"
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "worker"]
    with running(command, house.environment, log):
        yield


def _open_mail(page: Page, to: str, subject: str) -> str:
    """Find somebody's newest mail in the outbox and return the path of the first link in it."""

    def is_there() -> bool:
        page.goto(f"/outbox?to={to}")
        return page.get_by_role("link", name=re.compile(subject)).count() > 0

    until(page, is_there, f"a mail to {to} about {subject}", 30)
    page.get_by_role("link", name=re.compile(subject)).first.click()
    link = page.locator(".plain-letter a[href*='/auth/']").first.get_attribute("href")
    assert link is not None
    return "/" + link.split("/", 3)[3]


def _sign_up(page: Page, email: str) -> None:
    page.goto("/auth/sign-up")
    page.get_by_label("Name").fill("Ida Identity")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(factories.PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("We have sent you a mail")).to_be_visible()


@pytest.mark.usefixtures("_postman")
@pytest.mark.parametrize("width", [360, 1280])
def test_a_person_signs_up_verifies_and_keeps_their_devices_in_hand(
    open_page: Open, width: int
) -> None:
    email = f"ida-{uuid4().hex[:6]}@example.com"
    page = open_page("/", width=width)
    _sign_up(page, email)
    sign_in_by_form(page, email, factories.PASSWORD)
    page.goto("/account")
    expect(page.get_by_role("heading", name="is not confirmed")).to_be_visible()
    page.goto(_open_mail(page, email, "Confirm"))
    screenshot(page, f"identity-verify-{width}")
    page.get_by_role("button", name="Yes, it is mine").click()
    expect(page.get_by_text("address is confirmed")).to_be_visible()
    expect(page.get_by_role("heading", name="is not confirmed")).to_have_count(0)

    phone = open_page("/auth/sign-in", width=360)
    sign_in_by_form(phone, email, factories.PASSWORD)
    page.goto("/account/sessions")
    devices = page.locator(".account-list > li")
    expect(devices).to_have_count(2)
    expect(devices.first.get_by_text("This device")).to_be_visible()
    screenshot(page, f"identity-sessions-{width}")
    devices.nth(1).get_by_role("button", name="Sign out").click()
    expect(devices).to_have_count(1)
    phone.goto("/dashboard")
    expect(phone).to_have_url(re.compile("/auth/sign-in"))

    phone.get_by_role("link", name="Forgotten your password?").click()
    phone.get_by_label("E-mail").fill(email)
    phone.get_by_role("button", name="Send the link").click()
    expect(phone.get_by_text("a mail with a link is on its way")).to_be_visible()
    phone.goto(_open_mail(phone, email, "password"))
    phone.get_by_label("New password").fill(FRESH)
    phone.get_by_role("button", name="Set password").click()
    expect(phone.get_by_text("Your new password is set")).to_be_visible()
    sign_in_by_form(phone, email, FRESH)
    expect(phone).to_have_url(re.compile("/dashboard"))
    page.goto("/dashboard")
    expect(page).to_have_url(re.compile("/auth/sign-in"))


def test_step_up_leads_back_and_the_back_button_does_no_harm(open_page: Open, house: House) -> None:
    page = open_page("/auth/sign-in")
    sign_in_by_form(page, "outsider@example.com", factories.PASSWORD)
    with house.session() as session:
        user = select(User.id).where(User.email == "outsider@example.com").scalar_subquery()
        an_hour_ago = {"authenticated_at": utcnow() - timedelta(hours=1)}
        session.execute(
            update(LoginSession).where(LoginSession.user_id == user).values(an_hour_ago)
        )
        session.commit()
    page.goto("/account/email")
    page.get_by_label("New e-mail address").fill("elsewhere@example.com")
    page.get_by_role("button", name=re.compile("^Send the links?$")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
    expect(page.get_by_text("What you sent was not kept")).to_be_visible()
    for _ in range(2):  # once more by the back button
        page.get_by_label("Password", exact=True).fill(factories.PASSWORD)
        page.get_by_role("button", name="Confirm").click()
        expect(page).to_have_url(re.compile("/account/email$"))
        page.go_back()
    page.goto("/account/email")
    page.get_by_label("New e-mail address").fill("elsewhere@example.com")
    page.get_by_role("button", name=re.compile("^Send the links?$")).click()
    expect(page.get_by_role("heading", name="Moving to elsewhere@example.com")).to_be_visible()
    page.get_by_role("button", name="Cancel the change").click()
    expect(page.get_by_text("Your address stays as it is.")).to_be_visible()
