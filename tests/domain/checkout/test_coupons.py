"""Coupons: which count for whom, and each use counted exactly once."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout import coupons
from app.domain.checkout.coupon_models import Coupon, CouponRedemption
from app.domain.courses.models import Course
from app.errors import CouponInvalid
from tests import factories
from tests.support.coupons import make_coupon
from tests.support.orders import make_order

PARALLEL = 100
AT_ONCE = 25
HOUR = timedelta(hours=1)


@pytest.fixture
def priced() -> Course:
    """A course that costs money."""
    return factories.make_course(price_minor=12_000, currency="ETB")


def _reason(code: str, user: User, course: Course) -> str:
    with pytest.raises(CouponInvalid) as refused:
        coupons.find(code, user.id, course, utcnow())
    return str(refused.value.extra["reason"])


def _count(coupon: Coupon) -> int:
    db.session.expire_all()
    return db.session.get_one(Coupon, coupon.id).redeemed


@pytest.mark.parametrize("typed", ["SPRING-20", "spring-20", " Spring-20\t", "\uff33pring-20"])
def test_a_code_counts_however_it_is_typed(learner: User, priced: Course, typed: str) -> None:
    coupon = make_coupon(code="SPRING-20")
    assert coupons.find(typed, learner.id, priced, utcnow()).id == coupon.id


@pytest.mark.parametrize("typed", ["", "   ", "NONE", "A" * 41, "A\0B", "%", "' OR 1=1 --"])
def test_what_is_no_code_is_unknown(learner: User, priced: Course, typed: str) -> None:
    make_coupon(code="SPRING-20")
    assert _reason(typed, learner, priced) == "unknown"


def test_an_inactive_code_and_one_of_another_course_look_unknown(
    learner: User, priced: Course
) -> None:
    other = factories.make_course(price_minor=100)
    make_coupon(code="OFF", is_active=False)
    make_coupon(code="OTHER", course_id=other.id)
    details = set()
    for code in ("OFF", "OTHER", "NONE"):
        with pytest.raises(CouponInvalid) as refused:
            coupons.find(code, learner.id, priced, utcnow())
        details.add((refused.value.detail, refused.value.extra["reason"]))
    assert len(details) == 1


@pytest.mark.parametrize(
    ("reason", "values"),
    [
        ("not_yet", {"starts_at": utcnow() + HOUR}),
        ("over", {"ends_at": utcnow() - HOUR}),
        ("other_currency", {"amount_minor": 500, "currency": "USD"}),
        ("used_up", {"max_redemptions": 3, "redeemed": 3}),
    ],
    ids=["before its start", "after its end", "in another currency", "used up"],
)
def test_a_coupon_that_does_not_count_says_why(
    learner: User, priced: Course, reason: str, values: dict[str, Any]
) -> None:
    make_coupon(code="SALE", **values)
    assert _reason("SALE", learner, priced) == reason


def test_a_window_opens_at_its_start_and_is_over_at_its_end(learner: User, priced: Course) -> None:
    start = utcnow()
    make_coupon(code="SALE", starts_at=start, ends_at=start + HOUR)
    assert coupons.find("SALE", learner.id, priced, start).code == "SALE"
    with pytest.raises(CouponInvalid) as refused:
        coupons.find("SALE", learner.id, priced, start + HOUR)
    assert refused.value.extra["reason"] == "over"


def test_one_use_a_person_counts_until_it_is_given_back(learner: User, priced: Course) -> None:
    coupon = make_coupon(code="ONCE", max_per_user=1, max_redemptions=1)
    order = make_order(learner, priced)
    coupons.redeem(coupon, learner.id, order.id)
    assert (coupon.redeemed, _reason("ONCE", learner, priced)) == (1, "used_up")
    coupon.max_redemptions = None
    db.session.flush()
    assert _reason("ONCE", learner, priced) == "already_used"
    assert coupons.release(order.id) is True
    assert coupons.release(order.id) is False
    assert _count(coupon) == 0
    assert coupons.find("ONCE", learner.id, priced, utcnow()).id == coupon.id


def test_redeeming_twice_for_one_order_counts_once(learner: User, priced: Course) -> None:
    coupon = make_coupon(max_per_user=1, max_redemptions=1)
    order = make_order(learner, priced)
    for _ in range(2):
        coupons.redeem(coupon, learner.id, order.id)
    assert _count(coupon) == 1
    assert db.session.query(CouponRedemption).count() == 1


def test_an_order_may_take_a_use_again_that_it_gave_back(learner: User, priced: Course) -> None:
    coupon = make_coupon(max_per_user=1)
    order = make_order(learner, priced)
    coupons.redeem(coupon, learner.id, order.id)
    coupons.release(order.id)
    coupons.redeem(coupon, learner.id, order.id)
    assert _count(coupon) == 1


def test_a_coupon_switched_off_meanwhile_is_not_redeemed(learner: User, priced: Course) -> None:
    coupon = make_coupon()
    order = make_order(learner, priced)
    db.session.query(Coupon).update({"is_active": False})
    with pytest.raises(CouponInvalid) as refused:
        coupons.redeem(coupon, learner.id, order.id)
    assert refused.value.extra["reason"] == "unknown"


def test_releasing_an_order_without_a_coupon_changes_nothing(learner: User, priced: Course) -> None:
    assert coupons.release(make_order(learner, priced).id) is False
    assert coupons.release(uuid.uuid4()) is False


def _race(app: Flask, works: list[Callable[[], object]]) -> list[str]:
    """Run all of `works`, many at once, each in a session that commits; say how each ended."""
    barrier = Barrier(AT_ONCE)

    def run(work: Callable[[], object]) -> str:
        with app.app_context():
            barrier.wait(timeout=60)
            try:
                work()
                db.session.commit()
            except CouponInvalid as error:
                db.session.rollback()
                return str(error.extra["reason"])
            return "counted"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, works))


def _redeeming(coupon: Coupon, user: User, course: Course) -> Callable[[], object]:
    coupon_id, user_id, order_id = coupon.id, user.id, make_order(user, course, 0).id
    return lambda: coupons.redeem(db.session.get_one(Coupon, coupon_id), user_id, order_id)


def test_a_hundred_who_want_the_last_use_at_once_get_one(committed_app: Flask) -> None:
    course = factories.make_course(price_minor=12_000)
    coupon = make_coupon(max_redemptions=5, redeemed=4)
    people = [factories.make_user() for _ in range(PARALLEL)]
    works = [_redeeming(coupon, person, course) for person in people]
    ends = _race(committed_app, works)
    assert (ends.count("counted"), ends.count("used_up")) == (1, PARALLEL - 1)
    assert _count(coupon) == 5
    assert db.session.query(CouponRedemption).count() == 1


def test_one_person_who_orders_at_once_uses_a_coupon_once(committed_app: Flask) -> None:
    coupon = make_coupon(max_per_user=1)
    person = factories.make_user()
    works = [
        _redeeming(coupon, person, factories.make_course(price_minor=100)) for _ in range(AT_ONCE)
    ]
    ends = _race(committed_app, works)
    assert (ends.count("counted"), ends.count("already_used")) == (1, AT_ONCE - 1)
    assert _count(coupon) == 1


def test_uses_given_back_at_once_are_given_back_once(committed_app: Flask) -> None:
    coupon = make_coupon()
    order = make_order(factories.make_user(), factories.make_course(price_minor=100))
    order_id = order.id
    coupons.redeem(coupon, order.user_id, order_id)
    db.session.commit()
    _race(committed_app, [lambda: coupons.release(order_id) for _ in range(AT_ONCE)])
    assert _count(coupon) == 0
