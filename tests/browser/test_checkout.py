"""Buying a course in a browser: to the gateway and back, with a coupon, and without scripts."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from app.domain.checkout.coupon_models import Coupon, CouponKind
from app.domain.checkout.models import Order
from app.domain.courses.models import Course, Enrollment
from tests.browser.conftest import Open
from tests.browser.test_accessibility import LOOKS, overflow, violations
from tests.browser.watching import Faults, screenshot, until
from tests.support.house import House, Person
from tests.support.server import LiveServer, free_port
from tests.support.stripe_stand_in import StripeStandIn

SLUG = "big-loom"
# The stand-in's page has no icon, and its API refuses whoever asks for one.
GATEWAY_ICON = r"401 \(Unauthorized\)"


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
    open_page: Open, shop: LiveServer, buyer: Person, house: House, faults: Faults
) -> None:
    faults.expect(GATEWAY_ICON)
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


def test_the_page_one_comes_back_to_changes_when_the_money_arrives(
    open_page: Open, shop: LiveServer, buyer: Person, house: House, running_stripe: StripeStandIn
) -> None:
    page = open_page(f"/checkout/{SLUG}", buyer, shop)
    theirs = f"{running_stripe.url}/**"
    page.context.route(theirs, lambda route: route.fulfill(content_type="text/html", body="Pay"))
    page.get_by_label("I agree to the terms").check()
    page.evaluate("document.querySelector('.checkout__form').requestSubmit()")
    order_id = until(page, lambda: _order_of(house, buyer), "there is an order")
    page.wait_for_url(theirs)
    page.goto(f"/orders/{order_id}?returned=1")
    expect(page.get_by_role("heading", name="We are checking your payment")).to_be_visible()
    running_stripe.pay(order_id=order_id)
    expect(page.get_by_role("heading", name="You are in")).to_be_visible(timeout=20_000)
    expect(page).to_have_url(re.compile(f"/orders/{order_id}$"))


def test_a_coupon_of_all_there_is_opens_the_course_at_once(
    open_page: Open, shop: LiveServer, buyer: Person, house: House
) -> None:
    code = f"ALL{buyer.user_id.hex[:8].upper()}"
    with house.session() as session:
        session.add(Coupon(code=code, kind=CouponKind.PERCENT, percent=100))
        session.commit()
    page = open_page(f"/checkout/{SLUG}", buyer, shop, width=768, dark=True)
    page.get_by_label("Coupon").fill(f"{code.lower()} ")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text(f"Coupon {code} counts.")).to_be_visible()
    _order(page)
    expect(page.get_by_role("heading", name="You are in")).to_be_visible()
    page.goto(f"/courses/{SLUG}")
    expect(page.get_by_role("link", name="Buy this course")).to_have_count(0)


def test_everything_works_without_scripts(
    chromium: Browser, shop: LiveServer, buyer: Person
) -> None:
    context = chromium.new_context(base_url=shop.url, java_script_enabled=False)
    context.add_cookies([{"name": "session", "value": buyer.token, "url": shop.url}])
    page = context.new_page()
    page.goto(f"/checkout/{SLUG}")
    _order(page)
    expect(page.get_by_role("button", name="Pay", exact=True)).to_be_visible()
    page.go_back()
    _order(page)
    page.get_by_role("button", name="Pay", exact=True).click()
    page.get_by_role("button", name="I have paid: check now").click()
    expect(page.get_by_role("heading", name="You are in")).to_be_visible()
    context.close()


def test_checkout_and_order_are_accessible_and_fit(
    open_page: Open, shop: LiveServer, buyer: Person, house: House, faults: Faults
) -> None:
    faults.expect(GATEWAY_ICON)
    faults.expect("status of 422")
    page = open_page(f"/checkout/{SLUG}?coupon=NO-SUCH", buyer, shop)
    wrong = _faults_of(page, "checkout")
    _order(page)
    page.get_by_role("link", name="Back to the shop").click()
    wrong += _faults_of(page, "order-open")
    page.get_by_role("button", name="Cancel this order").click()
    expect(page.get_by_role("heading", name="This order was cancelled")).to_be_visible()
    wrong += _faults_of(page, "order-cancelled")
    assert wrong == []


def _faults_of(page: Page, name: str) -> list[str]:
    found = []
    for width, height, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        look = f"{name}-{width}-{scheme}"
        screenshot(page, look)
        found += [f"{look}: {fault}" for fault in (*violations(page), *overflow(page))]
    return found


def _order_of(house: House, buyer: Person) -> str | None:
    with house.session() as session:
        order = session.query(Order).filter_by(user_id=buyer.user_id).first()
        return str(order.id) if order is not None and order.gateway_reference else None
