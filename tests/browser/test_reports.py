"""The revenue report in a browser: it adds up, fits every screen, and leaves as a file."""

import csv
import io
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from app.domain.accounts.models import Role
from app.domain.checkout.models import Order, OrderStatus, Payment, Refund, RefundStatus
from app.domain.courses.models import Course
from tests.browser.conftest import Open
from tests.browser.test_accessibility import overflow, violations
from tests.browser.watching import screenshot
from tests.support.house import House, Person

# A month in which nobody else here buys anything.
MONTH = "from=2024-02-01&to=2024-02-29"
DAY = datetime(2024, 2, 10, 12, tzinfo=UTC)


def _sell(house: House, buyer: Person, minor: int, currency: str, back_minor: int = 0) -> None:
    with house.session() as session:
        course = session.query(Course).filter_by(slug=house.course_slug).one()
        order = Order(
            id=uuid.uuid4(),
            number=uuid.uuid4().hex[:8].upper(),
            user_id=buyer.user_id,
            course_id=course.id,
            course_title=course.title,
            status=OrderStatus.PAID,
            method="transfer",
            list_price_minor=minor,
            total_minor=minor,
            currency=currency,
            consented_at=DAY,
            created_at=DAY,
            expires_at=DAY,
            paid_at=DAY,
        )
        session.add(order)
        session.flush()
        payment = Payment(
            id=uuid.uuid4(),
            order_id=order.id,
            gateway="transfer",
            gateway_payment_id=f"transfer-{order.number}",
            amount_minor=minor,
            currency=currency,
            received_at=DAY,
        )
        session.add(payment)
        session.flush()
        if back_minor:
            session.add(
                Refund(
                    order_id=order.id,
                    payment_id=payment.id,
                    status=RefundStatus.SUCCEEDED,
                    amount_minor=back_minor,
                    currency=currency,
                    ends_access=False,
                    settled_at=DAY + timedelta(days=3),
                )
            )
        session.commit()


@pytest.fixture
def admin(house: House) -> Person:
    """Who looks at what was sold: 1,200 and 800 birr less 300, and 49 dollars."""
    for minor, currency, back in ((120_000, "ETB", 0), (80_000, "ETB", 30_000), (4_900, "USD", 0)):
        _sell(house, house.add_learner(enrolled=False), minor, currency, back)
    return house.add_learner(role=Role.ADMIN, enrolled=False)


def test_the_report_adds_up_fits_and_is_saved(open_page: Open, admin: Person) -> None:
    page = open_page(f"/admin/reports?{MONTH}", admin, width=360, height=740)
    for width, height, scheme in ((360, 740, "light"), (768, 1024, "dark"), (1280, 800, "light")):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        screenshot(page, f"reports-{width}-{scheme}")
        assert [*violations(page), *overflow(page)] == []
    charts = page.get_by_role("img", name="received")
    expect(charts).to_have_count(2)
    expect(charts.first).to_have_accessible_name(
        "ETB: ETB\u00a02,000.00 received, ETB\u00a0300.00 refunded or charged back, "
        "ETB\u00a01,700.00 left."
    )
    page.get_by_label("Rows by").select_option("course")
    page.get_by_role("button", name="Show").click()
    total = page.locator("tfoot tr").first
    expect(total).to_contain_text("ETB\u00a01,700.00")
    expect(page.locator("tbody tr").first).to_contain_text("ETB\u00a01,700.00")
    with page.expect_download() as started:
        page.get_by_role("link", name="Save as CSV").click()
    rows = list(csv.reader(io.StringIO(started.value.path().read_text(encoding="utf-8"))))
    assert [row[-1] for row in rows] == ["Net", "1700.00", "49.00"]
    page.get_by_role("link", name="7 days").click()
    expect(page.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "true")
