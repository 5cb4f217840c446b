"""Buying a course in a browser: on the gateway's page and back, with a coupon, and second thoughts."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from app.domain.checkout.coupon_models import Coupon, CouponKind
from app.domain.checkout.models import Order
from app.domain.courses.models import Course, Enrollment
from tests.browser.conftest import Open
from tests.browser.watching import screenshot
from tests.support.house import House, Person
from tests.support.server import LiveServer, free_port
from tests.support.stripe_stand_in import StripeStandIn

SLUG = "big-loom"


@pytest.fixture(scope="module")
def shop(house: House, running_stripe: StripeStandIn) -> Iterator[LiveServer]:
    """The house, taking cards; the gateway's webhooks are all lost on their way."""
    port = str(free_port())
    here = {"PORT": port, "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}"}
    with house.served(**running_stripe.environment, **here) as server:
        yield server


@pytest.fixture
def buyer(house: House) -> Person:
    """Somebody who is in no course."""
    return house.add_learner(enrolled=False)


def _order(page: Page, consent: bool = True) -> None:
    if consent:
        page.get_by_label("I agree to the terms").check()
    page.get_by_role("button", name=re.compile("^(Order for|Enrol for free)")).click()


def test_a_course_is_bought_by_card(
    open_page: Open, shop: LiveServer, buyer: Person, house: House
) -> None:
    page = open_page(f"/courses/{SLUG}", buyer, shop, width=360, height=740)
    page.get_by_role("link", name="Buy this course").click()
    expect(page.get_by_role("heading", name="Checkout")).to_be_visible()
    screenshot(page, "checkout-360")
    _order(page)
    expect(page.get_by_role("button", name="Pay", exact=True)).to_be_visible()
    page.get_by_role("button", name="Decline").click()
    expect(page.get_by_role("alert")).to_contain_text("declined")
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.get_by_role("heading", name="You are in")).to_be_visible()
    screenshot(page, "order-paid-360")
    page.get_by_role("link", name="Start learning").click()
    expect(page).to_have_url(re.compile(f"/(learn|courses)/{SLUG}"))
    page.goto(f"/checkout/{SLUG}")
    expect(page.get_by_text("You are in this course already")).to_be_visible()
    page.goto("/account/orders")
    expect(page.get_by_role("link", name="Receipt")).to_be_visible()
    screenshot(page, "orders-360")
    with house.session() as session:
        course = session.query(Course).filter_by(slug=SLUG).one()
        held = session.query(Enrollment).filter_by(user_id=buyer.user_id, course_id=course.id)
        assert held.one().revoked_at is None
        assert session.query(Order).filter_by(user_id=buyer.user_id).count() == 1
