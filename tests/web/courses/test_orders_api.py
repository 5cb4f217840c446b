"""Buying a course by program: statuses, documents, idempotency."""

from collections.abc import Callable
from typing import Any

import pytest

from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout.models import EndReason, Order, OrderStatus
from app.domain.checkout.transfer_models import TransferMethod
from app.domain.courses.models import Course
from app.domain.site import choices
from app.integrations.stripe_calls import RETRIES
from tests.support.client import CheckedClient
from tests.support.coupons import make_coupon
from tests.support.orders import make_order
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


def _check_out(client: CheckedClient, course: Course, key: str = "", **body: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    body.setdefault("method", "card")
    return client.post(f"/api/checkout/{course.slug}", json=body, headers=headers)


def test_an_order_is_answered_whole(
    priced: Course, buyer: CheckedClient, stripe_stand_in: StripeStandIn
) -> None:
    coupon = make_coupon(percent=10)
    answer = _check_out(buyer, priced, coupon=coupon.code)
    assert answer.status_code == 201
    order = answer.json["order"]
    assert answer.json["redirect_url"] == order["redirect_url"]
    assert order["redirect_url"].startswith(stripe_stand_in.url)
    assert order["course"] == {"slug": priced.slug, "title": priced.title}
    amounts = [order[name]["amount_minor"] for name in ("list_price", "discount", "total")]
    assert amounts == [4900, 490, 4410]
    assert order["total"]["currency"] == "USD"
    assert (order["status"], order["coupon"], order["method"]) == ("open", coupon.code, "card")
    assert order["expires_at"]
    assert (order["paid_at"], order["transfer"], order["proof"]) == (None, None, None)
    assert order["refunded"] == {"amount_minor": 0, "currency": "USD"}
    assert buyer.get(f"/api/orders/{order['id']}").json == {"order": order}


def test_the_order_under_way_is_answered_unchanged(priced: Course, buyer: CheckedClient) -> None:
    first = _check_out(buyer, priced)
    again = _check_out(buyer, priced)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json


def test_a_repeat_under_the_same_key_is_answered_as_the_first_time(
    priced: Course, buyer: CheckedClient
) -> None:
    first, again = (_check_out(buyer, priced, key="abc") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json == again.json
    other = _check_out(buyer, priced, key="abc", coupon="OTHER")
    assert (other.status_code, other.json["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    long = _check_out(buyer, priced, key="x" * 256)
    assert long.json["errors"][0]["field"] == "Idempotency-Key"


def test_a_transfer_says_where_to_send_the_money(
    priced: Course, buyer: CheckedClient, admin: User
) -> None:
    first = TransferMethod(name="CBE", account_name="School", account_number="1000")
    second = TransferMethod(name="Telebirr", account_name="S", account_number="2", position=1)
    db.session.add_all((first, second))
    choices.change(admin.id, {"takes_transfers": True})
    db.session.commit()
    unknown = _check_out(buyer, priced, method="transfer", transfer_method_id=str(priced.id))
    assert unknown.json["errors"][0]["field"] == "transfer_method_id"
    unnamed = _check_out(buyer, priced, method="transfer")
    assert unnamed.status_code == 201
    assert unnamed.json["redirect_url"] is None
    order = unnamed.json["order"]
    assert order["transfer"]["reference"] == order["number"]
    assert order["transfer"]["method"]["account_number"] == "1000"
    again = _check_out(buyer, priced, method="transfer")
    assert (again.status_code, again.json["order"]["id"]) == (200, order["id"])
    other = _check_out(buyer, priced, method="transfer", transfer_method_id=str(second.id))
    assert other.status_code == 201
    assert other.json["order"]["transfer"]["method"]["account_number"] == "2"


def test_refusals_have_their_codes(
    priced: Course, buyer: CheckedClient, enrolled: User, client_of: ClientOf
) -> None:
    coupon = _check_out(buyer, priced, coupon="NOPE")
    assert (coupon.status_code, coupon.json["code"]) == (422, "COUPON_INVALID")
    assert coupon.json["reason"] == "unknown"
    owned = _check_out(client_of(enrolled), priced)
    assert (owned.status_code, owned.json["code"]) == (409, "ALREADY_OWNED")
    method = _check_out(buyer, priced, method="cheque")
    assert (method.status_code, method.json["code"]) == (409, "CHECKOUT_REFUSED")
    unknown = buyer.post("/api/checkout/no-such-course", json={"method": "card"})
    assert unknown.status_code == 404
    extra = _check_out(buyer, priced, price=1)
    assert extra.json["errors"][0]["field"] == "price"


def test_asking_the_gateway_pays_an_order_and_asks_not_too_often(
    priced: Course, buyer: CheckedClient, stripe_stand_in: StripeStandIn
) -> None:
    order_id = _check_out(buyer, priced).json["order"]["id"]
    path = f"/api/orders/{order_id}/verify"
    assert buyer.post(path, json={}).json["order"]["status"] == "open"
    asked = stripe_stand_in.requests()
    for _ in range(5):
        assert buyer.post(path, json={}).json["order"]["status"] == "open"
    assert stripe_stand_in.requests() == asked


def test_a_gateway_that_is_away_leaves_the_order_as_it_is(
    priced: Course, buyer: CheckedClient, stripe_stand_in: StripeStandIn
) -> None:
    order_id = _check_out(buyer, priced).json["order"]["id"]
    stripe_stand_in.fail(count=1 + RETRIES, status=500)
    answer = buyer.post(f"/api/orders/{order_id}/verify", json={})
    assert (answer.status_code, answer.json["order"]["status"]) == (200, "open")


def test_a_gateway_that_is_away_is_told_to_programs(
    priced: Course, buyer: CheckedClient, stripe_stand_in: StripeStandIn
) -> None:
    stripe_stand_in.fail(count=1 + RETRIES, status=500)
    answer = _check_out(buyer, priced, key="once")
    assert (answer.status_code, answer.json["code"]) == (503, "GATEWAY_UNAVAILABLE")
    again = _check_out(buyer, priced, key="once")
    assert again.status_code == 201
    assert again.json["redirect_url"]


def test_cancelling_answers_the_order(priced: Course, buyer: CheckedClient) -> None:
    order_id = _check_out(buyer, priced).json["order"]["id"]
    for _ in range(2):
        answer = buyer.post(f"/api/orders/{order_id}/cancel", json={})
        assert answer.json["order"]["status"] == "cancelled"
        assert answer.json["order"]["redirect_url"] is None
    assert buyer.post(f"/api/orders/{order_id}/cancel", json={"why": 1}).status_code == 422


@pytest.mark.parametrize("status", ["paid", "under_review", "held", "refunded"])
def test_what_is_paid_or_looked_at_is_not_cancelled(
    priced: Course, learner: User, buyer: CheckedClient, status: str
) -> None:
    order = make_order(learner, priced, status=OrderStatus(status))
    answer = buyer.post(f"/api/orders/{order.id}/cancel", json={})
    assert (answer.status_code, answer.json["code"]) == (409, "CHECKOUT_REFUSED")


def test_orders_come_in_parts(priced: Course, learner: User, buyer: CheckedClient) -> None:
    ended = {"status": OrderStatus.CANCELLED, "ended_as": EndReason.CANCELLED}
    made = [str(make_order(learner, priced, **ended).id) for _ in range(3)]
    found: list[str] = []
    cursor = ""
    while cursor is not None:
        page = buyer.get(
            f"/api/orders?limit=2&cursor={cursor}" if cursor else "/api/orders?limit=2"
        )
        found += [item["id"] for item in page.json["items"]]
        cursor = page.json["next_cursor"]
    assert found == made[::-1]
    assert buyer.get("/api/orders?cursor=broken").status_code == 422


def test_the_course_says_what_can_be_done_about_it(priced: Course, buyer: CheckedClient) -> None:
    def action() -> str:
        return str(buyer.get(f"/api/courses/{priced.slug}").json["primary_action"])

    assert action() == "buy"
    order_id = _check_out(buyer, priced).json["order"]["id"]
    assert action() == "finish_paying"
    order = db.session.query(Order).one()
    order.status = OrderStatus.UNDER_REVIEW
    db.session.commit()
    assert action() == "under_review"
    order.status = OrderStatus.OPEN
    db.session.commit()
    buyer.post(f"/api/orders/{order_id}/cancel", json={})
    assert action() == "buy"


def test_a_visitor_sees_that_a_course_is_full(
    priced: Course, buyer: CheckedClient, client: CheckedClient
) -> None:
    priced.seat_limit = 1
    db.session.commit()
    _check_out(buyer, priced)
    assert client.get(f"/api/courses/{priced.slug}").json["primary_action"] == "sold_out"
    assert buyer.get(f"/api/courses/{priced.slug}").json["primary_action"] == "finish_paying"
