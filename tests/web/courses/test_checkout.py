"""Buying a course with forms and links: the checkout, the way to the gateway, the order's page."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.clock import shifted
from app.database import db
from app.domain.accounts.models import User
from app.domain.audit.models import AuditEvent
from app.domain.checkout import orders
from app.domain.checkout.models import EndReason, Order, OrderStatus
from app.domain.checkout.transfer_models import TransferMethod
from app.domain.courses import enrollments
from app.domain.courses.enrollments import find_enrollment
from app.domain.courses.models import Course, EnrollmentSource
from app.domain.site import choices
from app.integrations.stripe_calls import RETRIES
from tests.support.client import CheckedClient
from tests.support.coupons import make_coupon
from tests.support.orders import make_order, make_payment, make_refund
from tests.support.stripe_stand_in import StripeStandIn

ClientOf = Callable[[User], CheckedClient]
pytestmark = pytest.mark.usefixtures("card_gateway")


@pytest.fixture
def priced(course: Course) -> Course:
    """The course, for 49.00 USD."""
    course.price_minor = 4900
    db.session.commit()
    return course


@pytest.fixture
def buyer(priced: Course, learner: User, client_of: ClientOf) -> CheckedClient:
    """The browser of somebody who may buy the course."""
    return client_of(learner)


@pytest.fixture
def account(admin: User) -> TransferMethod:
    """An account that transfers go to, on a site that takes them."""
    account = TransferMethod(name="Telebirr", account_name="School", account_number="0911")
    db.session.add(account)
    choices.change(admin.id, {"takes_transfers": True})
    db.session.commit()
    return account


def _order(client: CheckedClient, course: Course, way: str = "card", **fields: str) -> Any:
    data = {"way": way, "consent": "yes", **fields}
    return client.post_form(f"/checkout/{course.slug}", data)


def _orders() -> list[Order]:
    db.session.expire_all()
    return list(db.session.query(Order).order_by(Order.created_at))


def test_a_card_order_leads_to_the_gateway_and_back_into_the_course(
    priced: Course, learner: User, buyer: CheckedClient, stripe_stand_in: StripeStandIn
) -> None:
    assert f"/checkout/{priced.slug}" in buyer.get(f"/courses/{priced.slug}").text
    answer = _order(buyer, priced)
    assert answer.status_code == 303
    assert answer.location.startswith(stripe_stand_in.url)
    (order,) = _orders()
    assert "You have not paid yet" in buyer.get(f"/orders/{order.id}").text
    assert "We are checking your payment" in buyer.get(f"/orders/{order.id}?returned=1").text
    assert "Finish paying" in buyer.get(f"/courses/{priced.slug}").text
    stripe_stand_in.pay(order_id=str(order.id))
    answer = buyer.post_form(f"/orders/{order.id}/verify", page=f"/orders/{order.id}")
    assert answer.status_code == 303
    assert "You are in" in buyer.get(f"/orders/{order.id}?returned=1").text
    enrollment = find_enrollment(learner.id, priced.id)
    assert enrollment is not None
    assert enrollment.revoked_at is None
    assert buyer.get(f"/checkout/{priced.slug}").status_code == 303


def test_coming_back_without_having_paid_opens_nothing(
    priced: Course, learner: User, buyer: CheckedClient
) -> None:
    """The address that gateways lead back to is no proof."""
    _order(buyer, priced)
    (order,) = _orders()
    for _ in range(3):
        buyer.get(f"/orders/{order.id}?returned=1")
    buyer.post_form(f"/orders/{order.id}/verify", page=f"/orders/{order.id}")
    assert _orders()[0].status is OrderStatus.OPEN
    assert find_enrollment(learner.id, priced.id) is None


def test_a_coupon_is_shown_before_it_is_used(priced: Course, buyer: CheckedClient) -> None:
    coupon = make_coupon(percent=50)
    page = buyer.get(f"/checkout/{priced.slug}?coupon={coupon.code}").text
    assert "$24.50" in page
    assert "Remove it" in page
    assert _orders() == []
    _order(buyer, priced, coupon=coupon.code)
    assert _orders()[0].total_minor == 2450
    again = buyer.get(f"/checkout/{priced.slug}?coupon={coupon.code}")
    assert again.status_code == 200
    assert "See order" in again.text


def test_a_wrong_coupon_is_named_at_its_field(priced: Course, buyer: CheckedClient) -> None:
    answer = buyer.get(f"/checkout/{priced.slug}?coupon=<b>NO</b>")
    assert answer.status_code == 422
    assert "coupon-error" in answer.text
    assert "<b>NO" not in answer.text
    sent = _order(buyer, priced, coupon="NOPE")
    assert sent.status_code == 422
    assert _orders() == []


def test_guessing_coupons_is_slow_and_using_one_is_not(
    priced: Course, buyer: CheckedClient
) -> None:
    good = make_coupon(percent=5)
    for _ in range(15):
        assert buyer.get(f"/checkout/{priced.slug}?coupon={good.code}").status_code == 200
    for number in range(10):
        assert buyer.get(f"/checkout/{priced.slug}?coupon=GUESS{number}").status_code == 422
    assert buyer.get(f"/checkout/{priced.slug}?coupon=GUESS").status_code == 429


def test_what_costs_nothing_opens_at_once(
    priced: Course, learner: User, buyer: CheckedClient
) -> None:
    coupon = make_coupon(percent=100)
    page = buyer.get(f"/checkout/{priced.slug}?coupon={coupon.code}").text
    assert "Enrol for free" in page
    assert 'name="way"' not in page
    answer = _order(buyer, priced, way="", coupon=coupon.code)
    (order,) = _orders()
    assert answer.location == f"/orders/{order.id}"
    assert "You are in" in buyer.get(answer.location).text
    assert find_enrollment(learner.id, priced.id) is not None


def test_consent_is_asked_for_and_the_choice_is_kept(
    priced: Course, buyer: CheckedClient, account: TransferMethod
) -> None:
    way = f"transfer:{account.id}"
    answer = buyer.post_form(f"/checkout/{priced.slug}", {"way": way})
    assert answer.status_code == 422
    assert "consent-error" in answer.text
    assert re.search(rf'value="{way}" required\s+checked', answer.text)
    assert _orders() == []


@pytest.mark.parametrize("way", ["", "cheque", "transfer:x", "card:1"])
def test_a_way_to_pay_that_is_not_on_offer_is_refused(
    priced: Course, buyer: CheckedClient, account: TransferMethod, way: str
) -> None:
    assert _order(buyer, priced, way).status_code in (409, 422)
    assert _orders() == []


def test_a_transfer_shows_where_to_send_the_money(
    priced: Course, buyer: CheckedClient, account: TransferMethod
) -> None:
    answer = _order(buyer, priced, f"transfer:{account.id}")
    (order,) = _orders()
    assert answer.location == f"/orders/{order.id}"
    page = buyer.get(answer.location).text
    assert "0911" in page
    assert order.number in page


def test_another_way_to_pay_ends_the_first_at_its_gateway(
    priced: Course,
    buyer: CheckedClient,
    account: TransferMethod,
    stripe_stand_in: StripeStandIn,
) -> None:
    _order(buyer, priced)
    _order(buyer, priced, f"transfer:{account.id}")
    first, second = _orders()
    assert (first.status, second.status) == (OrderStatus.CANCELLED, OrderStatus.OPEN)
    (session,) = stripe_stand_in.everything()["sessions"]
    assert session["status"] == "expired"


def test_money_that_is_quicker_than_a_change_of_mind_counts(
    priced: Course,
    learner: User,
    buyer: CheckedClient,
    account: TransferMethod,
    stripe_stand_in: StripeStandIn,
) -> None:
    _order(buyer, priced)
    (order,) = _orders()
    stripe_stand_in.pay(order_id=str(order.id))
    answer = _order(buyer, priced, f"transfer:{account.id}")
    assert answer.location == f"/courses/{priced.slug}"
    (order,) = _orders()
    assert order.status is OrderStatus.PAID
    assert find_enrollment(learner.id, priced.id) is not None


def test_a_gateway_that_is_away_keeps_the_order_for_another_try(
    priced: Course, buyer: CheckedClient, stripe_stand_in: StripeStandIn
) -> None:
    stripe_stand_in.fail(count=1 + RETRIES, status=500, path="/v1/checkout/sessions")
    answer = _order(buyer, priced)
    (order,) = _orders()
    assert answer.location == f"/orders/{order.id}"
    page = buyer.get(answer.location).text
    assert "Nothing was charged" in page
    assert order.gateway_reference is None
    answer = buyer.post_form(f"/orders/{order.id}/pay", page=f"/orders/{order.id}")
    assert answer.location.startswith(stripe_stand_in.url)
    assert len(stripe_stand_in.everything()["sessions"]) == 1


def test_an_answer_that_is_lost_begins_no_second_attempt(
    priced: Course, buyer: CheckedClient, stripe_stand_in: StripeStandIn
) -> None:
    """The gateway began; nobody was told. Whoever asks again is told of the same attempt."""
    stripe_stand_in.fail(count=1 + RETRIES, status=500, path="/v1/checkout/sessions", is_after=True)
    _order(buyer, priced)
    answer = _order(buyer, priced)
    assert answer.location.startswith(stripe_stand_in.url)
    assert len(stripe_stand_in.everything()["sessions"]) == 1
    assert len(_orders()) == 1


def test_an_order_is_cancelled_at_its_gateway_too(
    priced: Course, buyer: CheckedClient, stripe_stand_in: StripeStandIn
) -> None:
    _order(buyer, priced)
    (order,) = _orders()
    page = f"/orders/{order.id}"
    assert buyer.post_form(f"{page}/cancel", page=page).location == page
    assert "This order was cancelled" in buyer.get(page).text
    assert stripe_stand_in.everything()["sessions"][0]["status"] == "expired"
    acts = [row.action for row in db.session.query(AuditEvent).order_by(AuditEvent.id)]
    assert acts.count("order.cancelled") == 1
    assert buyer.post_form(f"{page}/cancel", page="/account/orders").location == page


def test_cancelling_what_is_paid_already_says_so(
    priced: Course, buyer: CheckedClient, stripe_stand_in: StripeStandIn
) -> None:
    _order(buyer, priced)
    (order,) = _orders()
    page = f"/orders/{order.id}"
    buyer.get(page)
    stripe_stand_in.pay(order_id=str(order.id))
    buyer.post_form(f"{page}/cancel", page=page)
    shown = buyer.get(page).text
    assert "The payment was quicker" in shown
    assert "You are in" in shown


def test_paying_for_a_course_one_is_in_is_refused(
    priced: Course, learner: User, buyer: CheckedClient, stripe_stand_in: StripeStandIn
) -> None:
    """Staff let somebody in while their order was open and not begun."""
    order = make_order(learner, priced, 4900, currency="USD")
    enrollments.grant(learner.id, priced.id, EnrollmentSource.MANUAL)
    db.session.commit()
    answer = buyer.post_form(f"/orders/{order.id}/pay", page=f"/orders/{order.id}")
    assert answer.location == f"/courses/{priced.slug}"
    assert stripe_stand_in.everything()["sessions"] == []


def test_checking_out_too_often_has_to_wait(priced: Course, buyer: CheckedClient) -> None:
    for _ in range(10):
        assert _order(buyer, priced, "cheque").status_code == 409
    assert _order(buyer, priced).status_code == 429


def test_a_full_course_says_so_on_its_page_and_at_the_checkout(
    priced: Course, buyer: CheckedClient, outsider: User
) -> None:
    priced.seat_limit = 1
    db.session.commit()
    assert "1 place left" in buyer.get(f"/courses/{priced.slug}").text
    orders.place(outsider, priced.slug, method="card", consented=True)
    db.session.commit()
    assert "Sold out" in buyer.get(f"/courses/{priced.slug}").text
    assert "Every place in this course is taken" in buyer.get(f"/checkout/{priced.slug}").text
    assert _order(buyer, priced).status_code == 409


def test_an_order_past_its_time_leads_to_a_new_one(priced: Course, buyer: CheckedClient) -> None:
    _order(buyer, priced)
    (order,) = _orders()
    with shifted(timedelta(minutes=61)):
        assert "This order has run out" in buyer.get(f"/orders/{order.id}").text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"status": "under_review"}, "under review"),
        ({"status": "held"}, "must not pay again"),
        ({"status": "disputed"}, "disputed"),
        ({"status": "charged_back"}, "The bank took the money back"),
        ({"status": "failed", "ended_as": EndReason.FAILED}, "The payment did not work"),
        ({"status": "expired", "ended_as": EndReason.EXPIRED}, "This order has run out"),
        ({"status": "open", "method": "transfer"}, "not offered any more"),
    ],
    ids=lambda value: str(value.get("status")) if isinstance(value, dict) else "",
)
def test_every_state_of_an_order_says_what_to_do(
    priced: Course, learner: User, buyer: CheckedClient, values: dict[str, Any], words: str
) -> None:
    order = make_order(learner, priced, **{**values, "status": OrderStatus(values["status"])})
    assert words in buyer.get(f"/orders/{order.id}").text


def test_orders_are_listed_with_receipts_and_what_went_back(
    priced: Course, learner: User, buyer: CheckedClient
) -> None:
    assert "No orders yet" in buyer.get("/account/orders").text
    order = make_order(learner, priced, 4900, currency="USD")
    make_refund(make_payment(order), 1000)
    page = buyer.get("/account/orders").text
    assert f"/orders/{order.id}/receipt.pdf" in page
    assert "$10.00 paid back" in page


def test_visitors_sign_in_first(client: CheckedClient, priced: Course) -> None:
    answer = client.get(f"/checkout/{priced.slug}")
    assert answer.status_code == 303
    assert "/auth/sign-in" in answer.location
