"""An administrator gives money back: the refund is made at the gateway, and what plays ends."""

import re
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Page, expect

from app.clock import utcnow
from app.domain.accounts.models import Role
from app.domain.checkout.models import Order, OrderStatus, Refund, RefundStatus
from app.domain.courses.models import Course, CourseStatus, Lesson, LessonKind, Section
from tests.browser.conftest import Open
from tests.browser.test_accessibility import overflow, violations
from tests.browser.watching import Faults, LearnPage, screenshot
from tests.support.house import House
from tests.support.server import LiveServer, free_port
from tests.support.stripe_stand_in import StripeStandIn

PRICE = 12_050
# One heartbeat after the refund the stream is over; the page asks every two seconds here.
BEATS = {"HEARTBEAT_INTERVAL_SECONDS": "2", "PLAYBACK_LEASE_SECONDS": "6"}


@pytest.fixture(scope="module")
def shop(house: House, running_stripe: StripeStandIn) -> Iterator[LiveServer]:
    """The house, taking cards, with short leases."""
    port = str(free_port())
    here = {"PORT": port, "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}"}
    with house.served(**running_stripe.environment, **here, **BEATS) as server:
        yield server


@pytest.fixture
def priced(house: House) -> str:
    """The slug of a course of its own that costs money and shows the house's clip."""
    slug = f"dear-{uuid4().hex[:8]}"
    with house.session() as session:
        model = session.query(Course).filter_by(slug=house.course_slug).one()
        course = Course(
            slug=slug, title="The dear loom", pitch="Weave for money.", description="",
            category_id=model.category_id, instructor_id=model.instructor_id, price_minor=PRICE,
            currency="USD", status=CourseStatus.PUBLISHED, published_at=utcnow(), lesson_count=1,
        )  # fmt: skip
        session.add(course)
        session.flush()
        section = Section(course_id=course.id, title="All of it", position=1)
        session.add(section)
        session.flush()
        lesson = Lesson(
            section_id=section.id, course_id=course.id, title="Warping", kind=LessonKind.VIDEO,
            position=1, video_id=house.video_id,
        )  # fmt: skip
        session.add(lesson)
        session.commit()
    return slug


def _order_of(house: House, user_id: UUID) -> Order:
    with house.session() as session:
        session.expire_on_commit = False
        return session.query(Order).filter_by(user_id=user_id).one()


def _buy(page: Page) -> LearnPage:
    """Pay on the gateway's page and begin to watch."""
    page.get_by_label("I agree to the terms").check()
    page.get_by_role("button", name=re.compile("^Order for")).click()
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.get_by_role("heading", name="You are in")).to_be_visible()
    page.get_by_role("link", name="Start learning").click()
    learn = LearnPage(page)
    learn.play()
    return learn


def _give_back(desk: Page, number: str) -> None:
    """Find the order and refund the whole of it."""
    desk.get_by_role("link", name=number).click()
    expect(desk.get_by_text("Has access")).to_be_visible()
    desk.get_by_role("link", name="Give money back").click()
    expect(desk.get_by_label("Amount")).to_have_value("120.50")
    expect(desk.get_by_label("Ends as soon as the money is on its way")).to_be_checked()
    screenshot(desk, "order-refund-1280")
    assert violations(desk) == []
    desk.get_by_label("Reason").fill("Bought by mistake")
    desk.get_by_role("button", name="Give the money back").click()
    expect(desk.get_by_text("The refund is made.")).to_be_visible()
    expect(desk.get_by_text("No access")).to_be_visible()
    desk.set_viewport_size({"width": 360, "height": 740})
    screenshot(desk, "order-refunded-360")
    assert (violations(desk), overflow(desk)) == ([], [])


def test_a_refund_ends_what_plays(
    open_page: Open,
    shop: LiveServer,
    house: House,
    priced: str,
    stripe_stand_in: StripeStandIn,
    faults: Faults,
) -> None:
    stripe_stand_in.deliver_to(shop.url)
    buyer, admin = (
        house.add_learner(enrolled=False),
        house.add_learner(enrolled=False, role=Role.ADMIN),
    )
    page = open_page(f"/checkout/{priced}", buyer, shop)
    learn = _buy(page)
    order = _order_of(house, buyer.user_id)
    desk = open_page(f"/admin/orders?q={order.number}", admin, shop)
    _give_back(desk, order.number)
    assert stripe_stand_in.sums()["USD"]["refunded"] == PRICE

    faults.expect(r"status of (401|403|404|410)")
    told = page.get_by_text("Your access to this course has ended")
    expect(told).to_be_visible(timeout=20_000)
    stopped = learn.time
    page.wait_for_timeout(1000)
    assert learn.time == stopped
    assert learn.video("buffered.length") == 0
    page.reload()
    expect(page.locator(".player")).to_have_count(0)
    with house.session() as session:
        refund = session.query(Refund).filter_by(order_id=order.id).one()
        assert refund.status is RefundStatus.SUCCEEDED
    assert _order_of(house, buyer.user_id).status is OrderStatus.REFUNDED
