"""Buying a course in the browser's way: forms, redirects and the pages of orders."""

from collections.abc import Callable

import pytest

from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout.models import Order
from app.domain.courses.enrollments import find_enrollment
from app.domain.courses.models import Course
from tests.support.client import CheckedClient
from tests.support.stripe_stand_in import StripeStandIn

ClientOf = Callable[[User], CheckedClient]
CONSENT = {"consent": "yes"}


@pytest.fixture
def priced(course: Course) -> Course:
    """The course, for 49.00 USD."""
    course.price_minor = 4900
    db.session.commit()
    return course


def _orders() -> list[Order]:
    return list(db.session.query(Order).order_by(Order.created_at))


def test_a_card_order_leads_to_the_gateway_and_back_into_the_course(
    priced: Course,
    learner: User,
    client_of: ClientOf,
    card_gateway: object,
    stripe_stand_in: StripeStandIn,
) -> None:
    client = client_of(learner)
    assert f"/checkout/{priced.slug}" in client.get(f"/courses/{priced.slug}").text
    answer = client.post_form(f"/checkout/{priced.slug}", {"way": "card", **CONSENT})
    assert answer.status_code == 303
    assert answer.location.startswith(stripe_stand_in.url)
    (order,) = _orders()
    page = client.get(f"/orders/{order.id}?returned=1")
    assert "We are checking your payment" in page.text
    stripe_stand_in.pay(order_id=str(order.id))
    told = client.post(f"/api/orders/{order.id}/verify", json={}).json["order"]
    assert told["status"] == "paid"
    assert "You are in" in client.get(f"/orders/{order.id}?returned=1").text
    enrollment = find_enrollment(learner.id, priced.id)
    assert enrollment is not None
    assert enrollment.revoked_at is None
