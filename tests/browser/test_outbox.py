"""The outbox in a browser: a mail in its frame, the links in it, every size and both themes."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect

from app.domain.outbox.models import Mail
from tests.browser.conftest import Open
from tests.browser.test_accessibility import LOOKS, overflow, violations
from tests.browser.watching import screenshot
from tests.support.house import House
from tests.support.server import LiveServer


@pytest.fixture
def address(house: House, site: LiveServer) -> str:
    """To whom a new mail goes whose link leads to the training page."""
    address = f"mailed-{uuid4().hex[:8]}@example.com"
    context = {"name": "Lea Learner", "link": f"{site.url}/training"}
    with house.session() as session:
        session.add(Mail(to_email=address, template="verify_email", locale=None, context=context))
        session.commit()
    return address


def test_a_link_of_a_framed_mail_opens_beside_it(open_page: Open, address: str) -> None:
    page = open_page("/outbox")
    page.get_by_label("Address").fill(address)
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="Confirm your e-mail address").click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", level=1)).to_have_text("Confirm your e-mail address")
    with page.context.expect_page() as opened:
        frame.get_by_role("link", name="Confirm my address").click()
    expect(opened.value.get_by_role("heading", level=1)).to_be_visible()
    assert opened.value.url.endswith("/training")
    page.locator(".plain-letter a").first.click()
    expect(page).to_have_url(opened.value.url)


def test_everybody_can_read_a_mail(open_page: Open, address: str) -> None:
    page = open_page(f"/outbox?to={address}")
    listed = page.url
    page.get_by_role("link", name="Confirm your e-mail address").click()
    expect(page.frame_locator("iframe").get_by_role("heading", level=1)).to_be_visible()
    shown = page.url
    wrong = []
    for name, url in (("outbox", listed), ("outbox-mail", shown)):
        page.goto(url)
        for width, height, scheme in LOOKS:
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            look = f"{name}-{width}-{scheme}"
            screenshot(page, look)
            wrong += [f"{look}: {fault}" for fault in (*violations(page), *overflow(page))]
            if name == "outbox-mail":
                letter = page.frame_locator("iframe").locator("html")
                if not letter.evaluate("page => page.scrollWidth <= page.clientWidth"):
                    wrong.append(f"{look}: the mail is cut off")
    assert wrong == []
