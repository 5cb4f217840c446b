"""Placing orders: one under way for each buyer and course, by our own rows."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.clock import shifted
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.checkout import coupons, fulfilment, orders
from app.domain.checkout.coupon_models import Coupon
from app.domain.checkout.models import EndReason, Order, OrderStatus
from app.domain.checkout.orders import AttemptOpen, Placed
from app.domain.checkout.transfer_models import TransferMethod
from app.domain.courses import enrollments
from app.domain.courses.models import (
    Course,
    CourseStatus,
    EnrollmentPolicy,
    EnrollmentSource,
    RevocationReason,
)
from app.domain.outbox.models import Mail
from app.domain.site import choices
from app.errors import (
    AlreadyOwned,
    ApprovalRequired,
    CheckoutRefused,
    CouponInvalid,
    Forbidden,
    IdempotencyKeyReused,
    InvalidInput,
    InvitationRequired,
    NotFound,
    SoldOut,
)
from app.integrations.payments import Begun
from tests import factories
from tests.support.coupons import make_coupon

pytestmark = pytest.mark.usefixtures("card_gateway")


@pytest.fixture
def priced(course: Course) -> Course:
    """The course, for 49.00."""
    course.price_minor = 4900
    db.session.commit()
    return course


@pytest.fixture
def account(admin: User) -> TransferMethod:
    """An account that transfers go to, on a site that takes them."""
    account = TransferMethod(name="Telebirr", account_name="School", account_number="0911")
    db.session.add(account)
    choices.change(admin.id, {"takes_transfers": True})
    db.session.commit()
    return account


def _place(user: User, course: Course, **wanted: Any) -> Placed:
    placed = orders.place(user, course.slug, **{"method": "card", "consented": True, **wanted})
    db.session.commit()
    return placed


def _by_transfer(user: User, course: Course, account: TransferMethod, **wanted: Any) -> Placed:
    return _place(user, course, method="transfer", transfer_method_id=account.id, **wanted)


def test_an_order_keeps_what_was_ordered_and_for_how_much(priced: Course, learner: User) -> None:
    coupon = make_coupon(percent=10)
    order = _place(learner, priced, coupon_code=f" {coupon.code.lower()} ").order
    assert (order.list_price_minor, order.discount_minor, order.total_minor) == (4900, 490, 4410)
    assert (order.currency, order.coupon_code, order.method) == ("USD", coupon.code, "card")
    assert order.status is OrderStatus.OPEN
    assert order.course_title == priced.title
    assert order.expires_at - order.created_at == timedelta(minutes=60)


def test_the_same_wish_again_is_the_same_order(priced: Course, learner: User) -> None:
    first, second = _place(learner, priced), _place(learner, priced)
    assert (first.is_new, second.is_new) == (True, False)
    assert first.order.id == second.order.id


def test_an_order_without_consent_is_none(priced: Course, learner: User) -> None:
    with pytest.raises(InvalidInput) as refused:
        _place(learner, priced, consented=False)
    assert "consent" in refused.value.fields


def test_a_repeat_under_the_same_key_is_the_first_order_whatever_became_of_it(
    priced: Course, learner: User
) -> None:
    first = _place(learner, priced, idempotency_key="k").order
    orders.cancel(first)
    db.session.commit()
    again = _place(learner, priced, idempotency_key="k")
    assert (again.order.id, again.is_new, again.is_repeat) == (first.id, False, True)
    assert _place(learner, priced).order.id != first.id


def test_a_key_is_for_one_request(priced: Course, learner: User) -> None:
    _place(learner, priced, idempotency_key="k")
    with pytest.raises(IdempotencyKeyReused):
        _place(learner, priced, idempotency_key="k", coupon_code="OTHER")


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb"], ids=["empty", "long", "broken"])
def test_a_key_is_short_and_printable(priced: Course, learner: User, key: str) -> None:
    with pytest.raises(InvalidInput):
        _place(learner, priced, idempotency_key=key)


def test_another_account_replaces_an_order_and_frees_its_coupon(
    priced: Course, learner: User, account: TransferMethod
) -> None:
    coupon = make_coupon(percent=50, max_redemptions=1, max_per_user=1)
    first = _by_transfer(learner, priced, account, coupon_code=coupon.code).order
    other = TransferMethod(name="CBE", account_name="School", account_number="1000")
    db.session.add(other)
    db.session.commit()
    second = _by_transfer(learner, priced, other, coupon_code=coupon.code).order
    assert db.session.get_one(Order, first.id).status is OrderStatus.CANCELLED
    assert (second.status, second.total_minor) == (OrderStatus.OPEN, 2450)
    assert db.session.get_one(Coupon, coupon.id, populate_existing=True).redeemed == 1


def test_a_card_order_of_other_terms_is_ended_at_its_gateway_first(
    priced: Course, learner: User, account: TransferMethod
) -> None:
    first = _place(learner, priced).order
    with pytest.raises(AttemptOpen) as refused:
        _by_transfer(learner, priced, account)
    assert refused.value.order_id == first.id
    db.session.rollback()
    assert db.session.get_one(Order, first.id).status is OrderStatus.OPEN


def test_a_new_price_counts_for_who_orders_again(
    priced: Course, learner: User, account: TransferMethod
) -> None:
    first = _by_transfer(learner, priced, account).order
    priced.price_minor = 3900
    db.session.commit()
    second = _by_transfer(learner, priced, account).order
    assert second.id != first.id
    assert (first.total_minor, second.total_minor) == (4900, 3900)


def test_an_order_that_ran_out_gives_way(
    priced: Course, learner: User, account: TransferMethod
) -> None:
    first = _by_transfer(learner, priced, account).order
    with shifted(timedelta(days=7, seconds=1)):
        second = _by_transfer(learner, priced, account).order
    assert second.id != first.id
    assert db.session.get_one(Order, first.id).status is OrderStatus.EXPIRED


def test_a_card_order_that_never_began_is_not_begun_too_late(priced: Course, learner: User) -> None:
    first = _place(learner, priced).order
    with shifted(timedelta(minutes=26)), pytest.raises(AttemptOpen):
        _place(learner, priced)
    db.session.rollback()
    orders.attach(first.id, Begun("cs_1", "https://pay.example/1"))
    db.session.commit()
    with shifted(timedelta(minutes=26)):
        assert _place(learner, priced).order.id == first.id


def test_a_payment_that_is_looked_at_is_not_replaced(
    priced: Course, learner: User, account: TransferMethod
) -> None:
    order = _place(learner, priced).order
    fulfilment.record_payment(order, "card", "pi_1", 100, "USD")
    db.session.commit()
    assert order.status is OrderStatus.HELD
    placed = _by_transfer(learner, priced, account)
    assert (placed.order.id, placed.is_new) == (order.id, False)
    with pytest.raises(CheckoutRefused):
        orders.cancel(placed.order)


def test_what_costs_nothing_is_complete_at_once(priced: Course, learner: User) -> None:
    coupon = make_coupon(percent=100)
    order = _place(learner, priced, method="free", coupon_code=coupon.code).order
    assert (order.status, order.method, order.total_minor) == (OrderStatus.PAID, "free", 0)
    enrollment = enrollments.find_enrollment(learner.id, priced.id)
    assert enrollment is not None
    assert enrollment.revoked_at is None
    with pytest.raises(AlreadyOwned):
        _place(learner, priced)


def test_a_transfer_tells_where_to_send_the_money(
    priced: Course, learner: User, account: TransferMethod
) -> None:
    order = _by_transfer(learner, priced, account).order
    mail = db.session.query(Mail).filter_by(template="order_placed").one()
    assert mail.to_email == learner.email
    assert mail.context["number"] == order.number
    assert order.expires_at - order.created_at == timedelta(days=7)
    _by_transfer(learner, priced, account)
    assert db.session.query(Mail).filter_by(template="order_placed").count() == 1


def test_who_is_in_a_course_or_in_charge_of_it_buys_nothing(
    priced: Course, learner: User, instructor: User, admin: User
) -> None:
    enrollments.grant(learner.id, priced.id, EnrollmentSource.MANUAL)
    for person in (learner, instructor):
        with pytest.raises(AlreadyOwned):
            _place(person, priced)
    with pytest.raises(AlreadyOwned):
        _place(admin, priced, role=Role.ADMIN)


@pytest.mark.parametrize(
    ("reason", "may_buy"),
    [
        (RevocationReason.STAFF, False),
        (RevocationReason.DISPUTE, False),
        (RevocationReason.REFUND, True),
        (RevocationReason.PROVISIONAL_ENDED, True),
        (RevocationReason.PROOF_REJECTED, True),
    ],
    ids=str,
)
def test_who_lost_a_course_may_buy_it_unless_staff_took_it(
    priced: Course, learner: User, reason: RevocationReason, may_buy: bool
) -> None:
    row = factories.make_enrollment(learner, priced)
    row.revoked_at, row.revocation = row.created_at, reason
    db.session.commit()
    if may_buy:
        assert _place(learner, priced).is_new
        return
    with pytest.raises(Forbidden):
        _place(learner, priced)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"status": CourseStatus.DRAFT}, NotFound),
        ({"status": CourseStatus.ARCHIVED}, NotFound),
        ({"enrollment_policy": EnrollmentPolicy.APPROVAL}, ApprovalRequired),
        ({"enrollment_policy": EnrollmentPolicy.INVITATION}, InvitationRequired),
        ({"price_minor": 0}, CheckoutRefused),
    ],
    ids=["draft", "archived", "approval", "invitation", "free"],
)
def test_only_open_courses_with_a_price_are_sold(
    priced: Course, learner: User, changes: dict[str, Any], error: type[Exception]
) -> None:
    db.session.execute(update(Course).where(Course.id == priced.id).values(**changes))
    with pytest.raises(error):
        _place(learner, priced)


def test_a_full_course_is_sold_out_and_an_order_under_way_keeps_its_place(
    priced: Course, learner: User, outsider: User
) -> None:
    priced.seat_limit = 1
    db.session.commit()
    order = _place(learner, priced).order
    with pytest.raises(SoldOut):
        _place(outsider, priced)
    db.session.rollback()
    assert _place(learner, priced).order.id == order.id
    orders.cancel(orders.order_for(learner.id, order.id))
    db.session.commit()
    assert _place(outsider, priced).is_new


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"method": "cheque"}, CheckoutRefused),
        ({"method": "transfer"}, CheckoutRefused),
        ({"method": "free"}, CheckoutRefused),
        ({"coupon_code": "NO-SUCH"}, CouponInvalid),
    ],
    ids=["unknown", "not taken", "not free", "coupon"],
)
def test_what_is_not_on_offer_is_refused(
    priced: Course, learner: User, wanted: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        _place(learner, priced, **wanted)
    db.session.rollback()
    assert db.session.query(Order).count() == 0


def test_an_account_that_is_away_is_not_chosen(
    priced: Course, learner: User, account: TransferMethod
) -> None:
    account.is_active = False
    db.session.commit()
    with pytest.raises(CheckoutRefused):
        _by_transfer(learner, priced, account)


def test_cards_the_site_does_not_want_are_not_taken(
    priced: Course, learner: User, admin: User
) -> None:
    choices.change(admin.id, {"takes_cards": False})
    db.session.commit()
    with pytest.raises(CheckoutRefused):
        _place(learner, priced)


def test_a_late_attempt_is_noted_on_an_order_that_ended(priced: Course, learner: User) -> None:
    order = _place(learner, priced).order
    fulfilment.end(order, EndReason.CANCELLED)
    noted = orders.attach(order.id, Begun("cs_9", "https://pay.example/9"))
    assert (noted.gateway_reference, noted.status) == ("cs_9", OrderStatus.CANCELLED)
    assert orders.attach(order.id, Begun("cs_10", None)).gateway_reference == "cs_9"


def test_the_gateway_is_told_the_same_every_time(priced: Course, learner: User) -> None:
    order = _place(learner, priced).order
    first, second = orders.purchase_of(order), orders.purchase_of(order)
    assert first == second
    assert (first.amount_minor, first.currency, first.email) == (4900, "USD", learner.email)
    assert first.success_url.startswith(f"http://localhost/orders/{order.id}")


def test_orders_are_listed_newest_first_in_parts(
    priced: Course, learner: User, outsider: User
) -> None:
    made = []
    for _ in range(3):
        order = _place(learner, priced).order
        made.append(order.id)
        orders.cancel(order)
        db.session.commit()
    _place(outsider, priced)
    listed = orders.list_for(learner.id, None, 2)
    assert [order.id for order in listed] == made[:0:-1]
    rest = orders.list_for(learner.id, (listed[-1].created_at, listed[-1].id), 2)
    assert [order.id for order in rest] == made[:1]


def test_codes_are_compared_as_they_are_kept() -> None:
    assert coupons.normal(" spring 25 ") == "SPRING25"
