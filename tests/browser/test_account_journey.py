"""One account from its first day to its last, in two browsers, with a real worker behind it."""

import json
import re
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from app.clock import utcnow
from app.domain.accounts.models import User
from app.worker.accounts import delete_due
from tests import factories
from tests.browser.authenticator import named, plug_in, serve_named
from tests.browser.watching import Faults, screenshot, sign_in_by_form, until
from tests.support.apps import made_app
from tests.support.factors import code_of
from tests.support.house import House
from tests.support.server import LiveServer, running

FRESH = "a-fresh-long-password-9"
MAIL_SECONDS = 60.0
EXPORT_SECONDS = 120.0


@pytest.fixture(scope="module")
def site(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The house under its name, and a worker that sends its mail and packs its exports."""
    log = tmp_path_factory.mktemp("worker") / "worker.log"
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "worker"]
    with serve_named(house) as server, running(command, house.environment, log):
        yield server


@pytest.fixture
def browser(chromium: Browser, site: LiveServer, faults: Faults) -> Iterator[Callable[..., Page]]:
    """A function that gives the page of another browser, with nothing in its cookie jar."""
    contexts = []

    def new(width: int) -> Page:
        context = chromium.new_context(
            base_url=named(site),
            viewport={"width": width, "height": 800},
            reduced_motion="reduce",
            locale="en-GB",
        )
        contexts.append(context)
        context.set_default_timeout(20_000)
        page = context.new_page()
        faults.watch(page)
        return page

    yield new
    for context in contexts:
        context.close()


def _mailed_path(page: Page, to: str, subject: str, to_where: str) -> str:
    """Return the path of the link in somebody's newest mail, read in the outbox."""

    def is_there() -> bool:
        page.goto(f"/outbox?to={to}")
        return page.get_by_role("link", name=re.compile(subject)).count() > 0

    until(page, is_there, f"a mail to {to} about {subject}", MAIL_SECONDS)
    page.get_by_role("link", name=re.compile(subject)).first.click()
    link = page.locator(f".plain-letter a[href*='{to_where}']").first.get_attribute("href")
    assert link is not None
    return "/" + link.split("/", 3)[3]


def _sign_up_and_verify(page: Page, email: str) -> None:
    page.goto("/auth/sign-up")
    page.get_by_label("Name").fill("Joan Journey")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(factories.PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("We have sent you a mail")).to_be_visible()
    page.goto(_mailed_path(page, email, "Confirm", "/auth/"))
    page.get_by_role("button", name="Yes, it is mine").click()
    expect(page.get_by_text("address is confirmed")).to_be_visible()


def _set_up_app(page: Page) -> tuple[str, list[str]]:
    """Add an authenticator app; return its secret and the recovery codes."""
    page.goto("/account/security")
    page.get_by_role("button", name="Set up an app").click()
    secret = page.locator("[data-secret]").inner_text().replace(" ", "")
    page.get_by_role("textbox", name="Code that the app shows").fill(code_of(secret, -1))
    page.get_by_role("button", name="Confirm").click()
    codes = page.locator(".recovery-codes code")
    expect(codes).to_have_count(10)
    return secret, codes.all_inner_texts()


def _add_passkey(page: Page) -> None:
    page.goto("/account/security")
    page.get_by_label("Name of the new passkey").fill("Joan's key")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator(".account-list strong")).to_have_text("Joan's key")


def _reset_password(page: Page, email: str) -> None:
    page.goto("/auth/sign-in")
    page.get_by_role("link", name="Forgotten your password?").click()
    page.get_by_label("E-mail").fill(email)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_text("a mail with a link is on its way")).to_be_visible()
    page.goto(_mailed_path(page, email, "password", "/auth/reset"))
    page.get_by_label("New password").fill(FRESH)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_text("Your new password is set")).to_be_visible()


def _sign_in_with_code(page: Page, email: str, code: str) -> None:
    page.goto("/auth/sign-in")
    sign_in_by_form(page, email, FRESH)
    expect(page).to_have_url(re.compile("/auth/second-factor"))
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_url(re.compile("/dashboard$"))


def _make_key(page: Page) -> str:
    page.goto("/account/api-keys")
    page.get_by_role("textbox", name="Name", exact=True).fill("My script")
    page.get_by_label("See your name, e-mail address and settings").check()
    page.get_by_role("button", name="Make the key").click()
    return page.locator("#fresh-key").input_value()


def _call(server: LiveServer, key: str, path: str) -> tuple[int, dict[str, object]]:
    """Ask the API as a script would."""
    request = urllib.request.Request(
        named(server) + path, headers={"Authorization": f"Bearer {key}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def _export(page: Page, email: str) -> None:
    page.goto("/account/data")
    page.get_by_role("button", name="Prepare my data").click()
    expect(page.get_by_text("Your data is being prepared.")).to_be_visible()

    def is_ready() -> bool:
        page.goto("/account/data")
        return page.get_by_text("Ready", exact=True).count() > 0

    until(page, is_ready, "the export is ready", EXPORT_SECONDS)
    path = _mailed_path(page, email, "data", "/account/data")
    with page.expect_download() as started:
        page.evaluate("(path) => { location.href = path; }", path)
    with zipfile.ZipFile(started.value.path()) as archive:
        assert json.loads(archive.read("profile.json"))["email"] == email


def _delete(page: Page, house: House, email: str) -> None:
    """Ask for the deletion, let two weeks pass, and have the account erased."""
    page.goto("/account/data/delete")
    page.get_by_label("Your e-mail address").fill(email)
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_text("Your account will be deleted on").first).to_be_visible()
    with house.session() as session:
        user = session.query(User).filter_by(email=email).one()
        user.deletion_due_at = utcnow() - timedelta(minutes=1)
        session.commit()
    with made_app(house.environment) as app, app.app_context():
        assert delete_due() == 1


def test_an_account_from_its_first_day_to_its_last(
    browser: Callable[..., Page], site: LiveServer, house: House, faults: Faults
) -> None:
    email = f"joan-{uuid4().hex[:6]}@example.com"
    laptop, phone = browser(1280), browser(360)

    _sign_up_and_verify(laptop, email)
    laptop.goto("/auth/sign-in")
    sign_in_by_form(laptop, email, factories.PASSWORD)
    secret, codes = _set_up_app(laptop)
    on_laptop = plug_in(laptop)
    _add_passkey(laptop)
    screenshot(laptop, "account-journey-security")

    phone.goto("/auth/sign-in")
    on_phone = plug_in(phone)
    on_phone.take(on_laptop.credentials()[0])
    phone.get_by_role("button", name="Sign in with a passkey").click()
    expect(phone).to_have_url(re.compile("/dashboard$"))

    laptop.goto("/account/sessions")
    devices = laptop.locator(".account-list > li")
    expect(devices).to_have_count(2)
    devices.nth(1).get_by_role("button", name="Sign out").click()
    expect(devices).to_have_count(1)
    phone.goto("/dashboard")
    expect(phone).to_have_url(re.compile("/auth/sign-in"))

    _reset_password(phone, email)
    laptop.goto("/dashboard")
    expect(laptop).to_have_url(re.compile("/auth/sign-in"))
    _sign_in_with_code(laptop, email, code_of(secret, 1))
    _sign_in_with_code(phone, email, codes[0])

    key = _make_key(laptop)
    assert _call(site, key, "/api/auth/me")[1]["user"]["email"] == email  # type: ignore[index]
    status, problem = _call(site, key, "/api/courses/enrolled")
    assert (status, problem["code"]) == (403, "SCOPE_MISSING")

    _export(laptop, email)
    _delete(laptop, house, email)
    assert _call(site, key, "/api/auth/me")[0] == 401
    phone.goto("/dashboard")
    expect(phone).to_have_url(re.compile("/auth/sign-in"))
    faults.expect("status of 401")
    phone.get_by_role("button", name="Sign in with a passkey").click()
    expect(phone.get_by_role("alert")).to_contain_text("did not let you in")
