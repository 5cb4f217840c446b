"""Threat 4: fifty checkouts of one course by one person at once are one order and one attempt."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from app.database import db
from app.domain.accounts import sessions
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import User
from app.domain.checkout.coupon_models import Coupon, CouponRedemption
from app.domain.checkout.models import Order, OrderStatus, Payment
from app.domain.courses.models import Course, Enrollment
from tests import factories
from tests.support.coupons import make_coupon
from tests.support.http import Answer, Visitor
from tests.support.server import LiveServer
from tests.support.stripe_stand_in import StripeStandIn

PARALLEL = 50


@pytest.fixture
def course(committed_app: Flask) -> Course:
    """A course for 49.00, in a database that servers see."""
    return factories.make_course(price_minor=4900)


@pytest.fixture
def buyer(course: Course) -> User:
    """Who cannot wait."""
    return factories.make_user()


@pytest.fixture
def shop(serve: Callable[..., LiveServer], stripe_stand_in: StripeStandIn) -> LiveServer:
    """Two processes that take cards, and let one person click as often as they like."""
    return serve(**stripe_stand_in.environment, CHECKOUTS_PER_MINUTE="600", WEB_WORKERS="2")


def _visitor(server: LiveServer, user: User) -> Visitor:
    token = sessions.start(user, ClientInfo(ip="127.0.0.1", user_agent="race"))
    db.session.commit()
    return Visitor(server.url, {"session": token})


def _all_at_once(visitor: Visitor, path: str, bodies: list[dict[str, str]]) -> list[Answer]:
    def ask(body: dict[str, str]) -> Answer:
        return Visitor(visitor.url, dict(visitor.cookies)).post(path, body)

    with ThreadPoolExecutor(len(bodies)) as threads:
        return list(threads.map(ask, bodies))


def test_fifty_checkouts_at_once_are_one_order_and_one_attempt(
    shop: LiveServer, course: Course, buyer: User, stripe_stand_in: StripeStandIn
) -> None:
    coupon = make_coupon(percent=10, max_redemptions=1, max_per_user=1)
    body = {"method": "card", "coupon": coupon.code}
    me = _visitor(shop, buyer)
    answers = _all_at_once(me, f"/api/checkout/{course.slug}", [body] * PARALLEL)
    statuses = Counter(answer.status for answer in answers)
    assert statuses == {201: 1, 200: PARALLEL - 1}
    assert len({answer.json["order"]["id"] for answer in answers}) == 1
    assert len({answer.json["redirect_url"] for answer in answers}) == 1
    db.session.rollback()
    assert db.session.query(Order).count() == 1
    assert db.session.query(CouponRedemption).count() == 1
    assert db.session.get_one(Coupon, coupon.id, populate_existing=True).redeemed == 1
    assert len(stripe_stand_in.everything()["sessions"]) == 1


def test_changing_one_s_mind_in_many_tabs_leaves_one_attempt_open(
    shop: LiveServer, course: Course, buyer: User, stripe_stand_in: StripeStandIn
) -> None:
    """Tabs with a coupon and tabs without one replace each other's order, one at a time."""
    coupon = make_coupon(percent=10, max_per_user=1)
    bodies = [{"method": "card"}, {"method": "card", "coupon": coupon.code}] * 5
    me = _visitor(shop, buyer)
    answers = _all_at_once(me, f"/api/checkout/{course.slug}", bodies)
    assert {answer.status for answer in answers} <= {200, 201, 409}
    db.session.rollback()
    live = db.session.query(Order).filter_by(status=OrderStatus.OPEN).all()
    assert len(live) == 1
    sessions_open = [s for s in stripe_stand_in.everything()["sessions"] if s["status"] == "open"]
    assert [session["id"] for session in sessions_open] == [live[0].gateway_reference]
    held = db.session.query(CouponRedemption).filter_by(released_at=None).count()
    assert held == (1 if live[0].coupon_id else 0)


def test_a_payment_asked_about_from_many_tabs_lets_in_once(
    shop: LiveServer, course: Course, buyer: User, stripe_stand_in: StripeStandIn
) -> None:
    me = _visitor(shop, buyer)
    order_id = me.post(f"/api/checkout/{course.slug}", {"method": "card"}).json["order"]["id"]
    stripe_stand_in.pay(order_id=order_id)
    answers = _all_at_once(me, f"/api/orders/{order_id}/verify", [{}] * 20)
    assert {answer.status for answer in answers} == {200}
    db.session.rollback()
    assert db.session.query(Payment).count() == 1
    assert db.session.query(Enrollment).filter_by(user_id=buyer.id).count() == 1
    assert me.get(f"/api/orders/{order_id}").json["order"]["status"] == "paid"
