"""Giving money back: never more than came, once for one key, and nothing lost half-way."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.checkout import refunds
from app.domain.checkout.models import (
    Dispute,
    DisputeStatus,
    Order,
    OrderStatus,
    Payment,
    Refund,
    RefundStatus,
)
from app.domain.courses import enrollments
from app.errors import DomainError, IdempotencyKeyReused, InvalidInput, NotFound, RefundRefused
from app.integrations.payments import RefundMade, RefundState
from tests import factories
from tests.support.orders import make_order, make_payment, make_refund

TOTAL = 12_000
AT_ONCE = 16


@pytest.fixture
def payment(learner: User) -> Payment:
    """The money of an order that has opened its course."""
    return _paid(learner)


def _paid(user: User) -> Payment:
    course = factories.make_course(price_minor=TOTAL, currency="ETB")
    order = make_order(user, course, TOTAL)
    payment = make_payment(order)
    refunds.fulfilment.settle(order)
    db.session.commit()
    return payment


def _ask(admin: User, payment: Payment, amount: int | None = None, **values: Any) -> Refund:
    given = {"ends_access": True, "reason": "Asked for it", "idempotency_key": None, **values}
    return refunds.request(admin, payment.order_id, amount, **given)


def _made(refund: Refund, state: RefundState = RefundState.SUCCEEDED) -> RefundMade:
    return RefundMade(f"re_{refund.id.hex[:8]}", state, refund.amount_minor, refund.id, "why")


def _has_access(payment: Payment) -> bool:
    order = db.session.get_one(Order, payment.order_id)
    found = enrollments.find_enrollment(order.user_id, order.course_id)
    return found is not None and found.revoked_at is None


def _mails() -> list[str]:
    return list(db.session.scalars(text("SELECT template FROM mails ORDER BY created_at")))


def test_without_an_amount_all_that_is_left_goes_back(admin: User, payment: Payment) -> None:
    make_refund(payment, 2_000)
    refund = _ask(admin, payment)
    assert (refund.amount_minor, refund.currency) == (TOTAL - 2_000, "ETB")
    assert (refund.status, refund.requested_by_id) == (RefundStatus.REQUESTED, admin.id)


def test_a_refund_that_is_only_asked_for_takes_nothing_away(admin: User, payment: Payment) -> None:
    _ask(admin, payment)
    assert _has_access(payment)
    assert db.session.get_one(Order, payment.order_id).status is OrderStatus.PAID


def test_a_whole_refund_that_was_made_ends_the_access(admin: User, payment: Payment) -> None:
    refund = _ask(admin, payment)
    refunds.finish(refund.id, _made(refund))
    assert db.session.get_one(Order, payment.order_id).status is OrderStatus.REFUNDED
    assert (refund.status, refund.settled_at is not None) == (RefundStatus.SUCCEEDED, True)
    assert not _has_access(payment)


def test_a_refund_may_leave_the_access(admin: User, payment: Payment) -> None:
    refund = _ask(admin, payment, ends_access=False)
    refunds.finish(refund.id, _made(refund))
    assert db.session.get_one(Order, payment.order_id).status is OrderStatus.REFUNDED
    assert _has_access(payment)


def test_a_part_may_go_back_and_end_the_access(admin: User, payment: Payment) -> None:
    refund = _ask(admin, payment, 5_000)
    refunds.finish(refund.id, _made(refund))
    assert db.session.get_one(Order, payment.order_id).status is OrderStatus.PAID
    assert not _has_access(payment)


def test_what_was_finished_before_changes_nothing_and_is_told_once(
    admin: User, payment: Payment
) -> None:
    refund = _ask(admin, payment)
    for _ in range(3):
        refunds.finish(refund.id, _made(refund))
    assert _mails().count("refund_made") == 1
    assert db.session.query(Refund).count() == 1


def test_a_pending_refund_waits_for_the_gateway(admin: User, payment: Payment) -> None:
    refund = _ask(admin, payment)
    refunds.finish(refund.id, _made(refund, RefundState.PENDING))
    assert refund.status is RefundStatus.REQUESTED
    assert refunds.ask_of(refund.id) is None
    refunds.finish(refund.id, _made(refund))
    assert refund.status is RefundStatus.SUCCEEDED


def test_a_refund_that_failed_may_be_asked_for_again(admin: User, payment: Payment) -> None:
    refund = _ask(admin, payment)
    refunds.finish(refund.id, _made(refund, RefundState.FAILED))
    assert (refund.status, refund.error_detail) == (RefundStatus.FAILED, "why")
    assert _has_access(payment)
    assert _ask(admin, payment).amount_minor == TOTAL


def test_a_refusal_fails_what_the_gateway_does_not_know(admin: User, payment: Payment) -> None:
    refund, other = _ask(admin, payment, 1_000), _ask(admin, payment, 1_000)
    refunds.finish(other.id, _made(other, RefundState.PENDING))
    for one in (refund, other):
        refunds.fail(one.id, "x" * 999)
    assert (refund.status, len(refund.error_detail or "")) == (RefundStatus.FAILED, 300)
    assert other.status is RefundStatus.REQUESTED


def test_the_gateway_is_asked_until_it_knows(admin: User, payment: Payment) -> None:
    refund = _ask(admin, payment, 700)
    assert refunds.ask_of(refund.id) == refunds.Ask(
        refund.id, "card", payment.gateway_payment_id, 700
    )
    refunds.finish(refund.id, _made(refund))
    assert refunds.ask_of(refund.id) is None


def test_a_job_waits_to_finish_what_a_killed_request_left(admin: User, payment: Payment) -> None:
    refund = _ask(admin, payment)
    job = db.session.execute(
        text(
            "SELECT args ->> 'refund_id' AS refund_id, scheduled_at > now() AS waits"
            " FROM procrastinate_jobs WHERE task_name = :task"
        ),
        {"task": refunds.REFUND_TASK},
    ).one()
    assert (job.refund_id, job.waits) == (str(refund.id), True)


def test_more_than_is_left_is_refused(admin: User, payment: Payment) -> None:
    _ask(admin, payment, 10_000)
    with pytest.raises(RefundRefused) as refused:
        _ask(admin, payment, 2_001)
    assert refused.value.extra == {"left_minor": 2_000}
    _ask(admin, payment, 2_000)
    with pytest.raises(RefundRefused):
        _ask(admin, payment)


@pytest.mark.parametrize("amount", [0, -1, -12_000])
def test_an_amount_is_above_zero(admin: User, payment: Payment, amount: int) -> None:
    with pytest.raises(InvalidInput):
        _ask(admin, payment, amount)


@pytest.mark.parametrize("reason", ["", "  \n ", "x" * 301])
def test_a_reason_is_given(admin: User, payment: Payment, reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        _ask(admin, payment, reason=reason)
    assert set(refused.value.fields) == {"reason"}


@pytest.mark.parametrize("status", [DisputeStatus.OPEN, DisputeStatus.LOST])
def test_what_is_disputed_is_left_to_the_bank(
    admin: User, payment: Payment, status: DisputeStatus
) -> None:
    ids = {"order_id": payment.order_id, "payment_id": payment.id, "gateway": "card"}
    dispute = Dispute(**ids, gateway_dispute_id="dp_1", amount_minor=TOTAL, status=status)
    db.session.add(dispute)
    db.session.flush()
    with pytest.raises(RefundRefused):
        _ask(admin, payment)
    dispute.status = DisputeStatus.WON
    db.session.flush()
    assert _ask(admin, payment).amount_minor == TOTAL


def test_an_order_without_money_gives_none_back(admin: User, learner: User) -> None:
    order = make_order(learner, factories.make_course(), 0, method="free")
    with pytest.raises(RefundRefused):
        refunds.request(admin, order.id, None, True, "Asked for it", None)
    with pytest.raises(NotFound):
        refunds.request(admin, uuid.uuid4(), None, True, "Asked for it", None)


def test_of_two_payments_one_is_named(admin: User, payment: Payment) -> None:
    second = make_payment(db.session.get_one(Order, payment.order_id))
    with pytest.raises(InvalidInput) as refused:
        _ask(admin, payment)
    assert set(refused.value.fields) == {"payment_id"}
    refund = _ask(admin, payment, payment_id=second.id)
    assert (refund.payment_id, refund.amount_minor) == (second.id, TOTAL)
    with pytest.raises(RefundRefused):
        _ask(admin, payment, payment_id=second.id)
    assert _ask(admin, payment).payment_id == payment.id


def test_a_payment_of_another_order_is_not_taken(
    admin: User, payment: Payment, outsider: User
) -> None:
    with pytest.raises(InvalidInput):
        _ask(admin, payment, payment_id=_paid(outsider).id)


def test_the_same_key_is_the_same_refund(admin: User, payment: Payment) -> None:
    first = _ask(admin, payment, 500, idempotency_key="one")
    again = _ask(admin, payment, 500, idempotency_key="one")
    assert again.id == first.id
    assert _ask(admin, payment, 500, idempotency_key="two").id != first.id


@pytest.mark.parametrize(
    "other",
    [{"amount": 501}, {"ends_access": False}, {"reason": "Something else"}],
    ids=["amount", "access", "reason"],
)
def test_a_key_is_for_one_request(admin: User, payment: Payment, other: dict[str, Any]) -> None:
    _ask(admin, payment, 500, idempotency_key="one")
    with pytest.raises(IdempotencyKeyReused):
        _ask(admin, payment, other.pop("amount", 500), idempotency_key="one", **other)


def _race(app: Flask, work: Callable[[int], object]) -> list[object]:
    barrier = Barrier(AT_ONCE)

    def run(number: int) -> object:
        with app.app_context():
            barrier.wait(timeout=60)
            try:
                result = work(number)
                db.session.commit()
            except DomainError as error:
                db.session.rollback()
                return type(error)
            return result

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, range(AT_ONCE)))


def test_refunds_asked_for_at_once_never_exceed_the_payment(committed_app: Flask) -> None:
    payment, admin = _paid(factories.make_user()), factories.make_user(Role.ADMIN)
    order_id = payment.order_id

    def ask(number: int) -> uuid.UUID:
        given = (order_id, 5_000, False, "At once", f"key {number}")
        return refunds.request(admin, *given).id

    ends = _race(committed_app, ask)
    assert ends.count(RefundRefused) == AT_ONCE - 2
    assert sum(refund.amount_minor for refund in db.session.query(Refund)) == 10_000


def test_one_key_sent_at_once_is_one_refund_made_once(committed_app: Flask) -> None:
    payment, admin = _paid(factories.make_user()), factories.make_user(Role.ADMIN)
    order_id = payment.order_id

    def ask(_: int) -> uuid.UUID:
        refund = refunds.request(admin, order_id, None, True, "At once", "one key")
        db.session.commit()
        refunds.finish(refund.id, _made(refund))
        return refund.id

    assert len(set(_race(committed_app, ask))) == 1
    db.session.expire_all()
    assert db.session.query(Refund).one().status is RefundStatus.SUCCEEDED
    assert db.session.get_one(Order, order_id).status is OrderStatus.REFUNDED
    assert _mails().count("refund_made") == 1
