"""Passkeys in Chromium: adding, signing in, the second step, confirming, and what goes wrong."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.clock import utcnow
from app.domain.accounts.models import LoginSession, Passkey, User
from app.domain.accounts.passwords import hash_password
from tests import factories
from tests.browser.authenticator import Authenticator, named, plug_in, serve_named
from tests.browser.conftest import Open
from tests.browser.watching import Faults, sign_in_by_form
from tests.support.house import House, Person
from tests.support.server import LiveServer

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def site(house: House) -> Iterator[LiveServer]:
    """The house, served under its name."""
    with serve_named(house) as server:
        yield server


@pytest.fixture
def visit(chromium: Browser, site: LiveServer, faults: Faults) -> Iterator[Visit]:
    """A function that opens a page at the site's name, signed in as `person`."""
    contexts: list[BrowserContext] = []

    def visit(path: str, person: Person | None = None, width: int = 1280) -> Page:
        context = chromium.new_context(
            base_url=named(site),
            viewport={"width": width, "height": 800},
            reduced_motion="reduce",
            locale="en-GB",
        )
        contexts.append(context)
        context.set_default_timeout(15_000)
        if person is not None:
            cookie = {"name": "session", "value": person.token, "url": named(site)}
            context.add_cookies([cookie])  # type: ignore[list-item]
        page = context.new_page()
        faults.watch(page)
        page.goto(path)
        return page

    yield visit
    for context in contexts:
        context.close()


@pytest.fixture
def person(house: House, app) -> Person:  # type: ignore[no-untyped-def]
    """Somebody with a password who has just signed in."""
    added = house.add_learner(enrolled=False)
    with app.app_context():
        hashed = hash_password(factories.PASSWORD)
    with house.session() as session:
        session.get_one(User, added.user_id).password_hash = hashed
        session.commit()
    return added


def _passkeys(house: House, user_id: UUID) -> list[Passkey]:
    with house.session() as session:
        return session.query(Passkey).filter_by(user_id=user_id).all()


def _add(page: Page, name: str = "My laptop") -> None:
    page.get_by_label("Name of the new passkey").fill(name)
    page.get_by_role("button", name="Add a passkey").click()


@pytest.fixture
def added(visit: Visit, person: Person) -> tuple[Page, Authenticator]:
    """A page whose device has a passkey of `person`'s."""
    page = visit("/account/security", person)
    authenticator = plug_in(page)
    _add(page)
    expect(page).to_have_url(re.compile("/recovery-codes$"))
    return page, authenticator


def test_first_passkey_comes_with_recovery_codes(
    added: tuple[Page, Authenticator], house: House, person: Person
) -> None:
    page, authenticator = added
    expect(page.locator(".recovery-codes li")).to_have_count(10)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as text").click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert page.locator(".recovery-codes li").first.inner_text() in lines
    assert download.value.suggested_filename == "recovery-codes.txt"
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("My laptop")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile("/account/security$"))
    [key] = _passkeys(house, person.user_id)
    assert key.name == "My laptop"
    assert len(authenticator.credentials()) == 1


def test_passkey_signs_in_on_another_device_without_a_password(
    added: tuple[Page, Authenticator], visit: Visit, person: Person
) -> None:
    elsewhere = visit("/auth/sign-in?next=/account/security", width=360)
    plug_in(elsewhere).take(added[1].credentials()[0])
    elsewhere.get_by_role("button", name="Sign in with a passkey").click()
    expect(elsewhere).to_have_url(re.compile("/account/security$"))
    expect(elsewhere.get_by_text("last used")).to_be_visible()


def test_passkey_is_the_second_step(
    added: tuple[Page, Authenticator], visit: Visit, person: Person
) -> None:
    elsewhere = visit("/auth/sign-in")
    plug_in(elsewhere).take(added[1].credentials()[0])
    sign_in_by_form(elsewhere, person.email, factories.PASSWORD)
    expect(elsewhere).to_have_url(re.compile("/auth/second-factor"))
    elsewhere.get_by_role("button", name="Use a passkey").click()
    expect(elsewhere).to_have_url(re.compile("/dashboard$"))


def test_wrong_finger_is_told_so_and_may_try_again(
    added: tuple[Page, Authenticator], visit: Visit, faults: Faults
) -> None:
    elsewhere = visit("/auth/sign-in")
    authenticator = plug_in(elsewhere)
    authenticator.take(added[1].credentials()[0])
    authenticator.verifies(False)
    button = elsewhere.get_by_role("button", name="Sign in with a passkey")
    button.click()
    expect(elsewhere.get_by_role("alert")).to_contain_text("cancelled or took too long")
    expect(button).to_be_focused()
    authenticator.verifies(True)
    button.click()
    expect(elsewhere).to_have_url(re.compile("/dashboard$"))


def test_unknown_passkey_is_refused_in_words(
    added: tuple[Page, Authenticator], visit: Visit, person: Person, faults: Faults
) -> None:
    page, authenticator = added
    page.goto("/account/security")
    page.get_by_label("Change My laptop").click()
    page.get_by_role("button", name="Remove My laptop").click()
    expect(page.get_by_text("The passkey is removed.")).to_be_visible()
    faults.expect("status of 401")
    elsewhere = visit("/auth/sign-in")
    plug_in(elsewhere).take(authenticator.credentials()[0])
    elsewhere.get_by_role("button", name="Sign in with a passkey").click()
    expect(elsewhere.get_by_role("alert")).to_contain_text("did not let you in")


def test_device_that_has_one_already_says_so(added: tuple[Page, Authenticator]) -> None:
    page, _ = added
    page.goto("/account/security")
    _add(page, "Again")
    expect(page.get_by_role("alert")).to_contain_text("has a passkey for your account already")


def test_passkey_is_renamed(added: tuple[Page, Authenticator]) -> None:
    page, _ = added
    page.goto("/account/security")
    page.get_by_label("Change My laptop").click()
    page.get_by_label("Name", exact=True).fill("The old laptop")
    page.get_by_role("button", name="Rename").click()
    expect(page.locator(".account-list strong")).to_have_text("The old laptop")


def test_passkey_confirms_who_one_is(
    added: tuple[Page, Authenticator], house: House, person: Person
) -> None:
    page, _ = added
    page.goto("/account/confirm?next=/account/security")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(re.compile("/account/security$"))


def test_adding_one_long_after_the_sign_in_asks_who_it_is(
    visit: Visit, house: House, person: Person, faults: Faults
) -> None:
    faults.expect("status of 403")
    page = visit("/account/security", person)
    plug_in(page)
    with house.session() as session:
        rows = session.query(LoginSession).filter_by(user_id=person.user_id)
        rows.update({LoginSession.authenticated_at: utcnow() - timedelta(hours=1)})
        session.commit()
    page.get_by_role("button", name="Add a passkey").click()
    expect(page).to_have_url(re.compile(r"/account/confirm\?next="))
    page.get_by_label("Password", exact=True).fill(factories.PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page).to_have_url(re.compile("/account/security$"))
    page.get_by_role("button", name="Add a passkey").click()
    expect(page).to_have_url(re.compile("/recovery-codes$"))


def test_page_at_a_number_says_where_passkeys_work(
    open_page: Open, person: Person, site: LiveServer
) -> None:
    page = open_page("/account/security", person, server=site)
    expect(page.get_by_role("link", name=named(site))).to_be_visible()
    expect(page.get_by_role("button", name="Add a passkey")).to_be_hidden()
