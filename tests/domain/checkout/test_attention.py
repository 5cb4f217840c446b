"""What of selling needs somebody, and that it goes once it is put right."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout import attention
from app.domain.checkout.attention import Trouble
from app.domain.checkout.models import (
    Dispute,
    DisputeStatus,
    EventOutcome,
    Order,
    OrderStatus,
    Payment,
    RefundStatus,
    WebhookEvent,
)
from app.domain.checkout.transfer_models import PaymentProof, ProofStatus
from app.domain.courses.models import Course
from tests.support.orders import make_order, make_payment, make_refund


def _troubles() -> list[tuple[Trouble, uuid.UUID]]:
    return [(row.trouble, row.order_id) for row in attention.list_troubled_orders(20)]


def _paid(learner: User, course: Course, **values: Any) -> tuple[Order, Payment]:
    order = make_order(learner, course, **values)
    return order, make_payment(order)


def _add_dispute(payment: Payment, **values: Any) -> Dispute:
    dispute = Dispute(
        order_id=payment.order_id,
        payment_id=payment.id,
        gateway="card",
        gateway_dispute_id=f"dp_{uuid.uuid4().hex}",
        amount_minor=payment.amount_minor,
        **values,
    )
    db.session.add(dispute)
    db.session.commit()
    return dispute


def _add_event(outcome: EventOutcome, at: datetime, detail: str | None = None) -> None:
    db.session.add(
        WebhookEvent(
            gateway="card",
            event_id=f"evt_{uuid.uuid4().hex}",
            type="checkout.session.completed",
            payload="{}",
            outcome=outcome,
            detail=detail,
            created_at=at,
            received_at=at,
        )
    )
    db.session.commit()


def test_a_paid_a_free_and_a_fresh_order_need_nobody(learner: User, course: Course) -> None:
    _paid(learner, course)
    make_order(learner, course, 0, method="free", status=OrderStatus.PAID, paid_at=utcnow())
    make_order(learner, course, next_check_at=utcnow())
    assert _troubles() == []
    assert attention.list_troubled_events(5) == []
    assert attention.waiting_proofs() is None


def test_money_that_is_held_needs_somebody(learner: User, course: Course) -> None:
    order, payment = _paid(learner, course)
    order.status, order.hold_reason = OrderStatus.HELD, "amount"
    db.session.commit()
    [row] = attention.list_troubled_orders(5)
    assert (row.trouble, row.number, row.detail) == (Trouble.HELD, order.number, "amount")
    assert (row.since, row.course_title) == (payment.received_at, course.title)


def test_a_dispute_needs_somebody_until_it_ends(learner: User, course: Course) -> None:
    order, payment = _paid(learner, course)
    dispute = _add_dispute(payment)
    assert _troubles() == [(Trouble.DISPUTED, order.id)]
    dispute.status = DisputeStatus.WON
    db.session.commit()
    assert _troubles() == []


def test_a_refund_that_failed_needs_somebody_until_another_is_tried(
    learner: User, course: Course
) -> None:
    order, payment = _paid(learner, course)
    with shifted(timedelta(minutes=-5)):
        make_refund(payment, 100, status=RefundStatus.FAILED, error_detail="The card is gone.")
    [row] = attention.list_troubled_orders(5)
    assert (row.trouble, row.detail) == (Trouble.REFUND_FAILED, "The card is gone.")
    with shifted(timedelta(days=91)):
        assert _troubles() == []
    make_refund(payment, 100, status=RefundStatus.REQUESTED, settled_at=None)
    assert _troubles() == []
    with shifted(timedelta(hours=2)):
        assert _troubles() == [(Trouble.REFUND_STUCK, order.id)]


def test_an_order_nobody_asked_the_gateway_about_is_stuck(learner: User, course: Course) -> None:
    order = make_order(learner, course, last_trouble="Stripe does not answer.")
    with shifted(timedelta(hours=2)):
        assert _troubles() == []
    with shifted(timedelta(hours=3)):
        [row] = attention.list_troubled_orders(5)
        assert (row.trouble, row.detail) == (Trouble.STUCK, "Stripe does not answer.")
    order.status = OrderStatus.EXPIRED
    db.session.commit()
    with shifted(timedelta(hours=3)):
        assert _troubles() == []


def test_one_order_paid_twice_needs_somebody_until_the_second_went_back(
    learner: User, course: Course
) -> None:
    order, _ = _paid(learner, course)
    second = make_payment(order)
    assert _troubles() == [(Trouble.PAID_TWICE, order.id)]
    make_refund(second, second.amount_minor, ends_access=False)
    assert _troubles() == []


def test_two_payments_that_together_make_the_price_are_not_twice(
    learner: User, course: Course
) -> None:
    order = make_order(learner, course, 9_000)
    make_payment(order, amount_minor=4_000)
    make_payment(order, amount_minor=5_000)
    assert _troubles() == []


def test_a_course_paid_in_two_orders_needs_somebody(
    learner: User, outsider: User, course: Course
) -> None:
    with shifted(timedelta(minutes=-2)):
        _paid(learner, course)
    _paid(outsider, course)
    later, payment = _paid(learner, course)
    assert _troubles() == [(Trouble.PAID_TWICE, later.id)]
    make_refund(payment, payment.amount_minor)
    later.status = OrderStatus.REFUNDED
    db.session.commit()
    assert _troubles() == []


@pytest.mark.parametrize("status", [RefundStatus.SUCCEEDED, RefundStatus.REQUESTED])
def test_who_buys_again_after_a_refund_that_ended_access_has_not_paid_twice(
    learner: User, course: Course, status: RefundStatus
) -> None:
    with shifted(timedelta(minutes=-2)):
        _, payment = _paid(learner, course)
        make_refund(payment, payment.amount_minor // 2, ends_access=True, status=status)
    _paid(learner, course)
    assert _troubles() == []


def test_events_are_told_of_once_a_gateway_and_for_a_while() -> None:
    now = utcnow()
    _add_event(EventOutcome.APPLIED, now)
    _add_event(EventOutcome.WAITING, now)
    assert attention.list_troubled_events(5) == []
    _add_event(EventOutcome.REFUSED, now - timedelta(hours=2), "An old reason.")
    _add_event(EventOutcome.REFUSED, now - timedelta(hours=1), "Of the other mode.")
    [refused] = attention.list_troubled_events(5)
    assert (refused.outcome, refused.count) == (EventOutcome.REFUSED, 2)
    assert refused.detail == "Of the other mode."
    with shifted(timedelta(minutes=20)):
        found = [(row.outcome, row.detail) for row in attention.list_troubled_events(5)]
    assert found == [
        (EventOutcome.REFUSED, "Of the other mode."),
        (EventOutcome.WAITING, "checkout.session.completed"),
    ]
    with shifted(timedelta(days=8)):
        assert [row.outcome for row in attention.list_troubled_events(5)] == [EventOutcome.WAITING]


def test_proofs_wait_until_they_are_decided(learner: User, course: Course) -> None:
    order = make_order(learner, course, method="transfer", status=OrderStatus.UNDER_REVIEW)
    proof = PaymentProof(
        order_id=order.id,
        storage_key="proofs/x/y",
        content_type="image/webp",
        size_bytes=1,
        sha256="0" * 64,
    )
    db.session.add(proof)
    db.session.commit()
    waiting = attention.waiting_proofs()
    assert waiting is not None
    assert (waiting.count, waiting.since) == (1, proof.created_at)
    assert attention.count_waiting_proofs() == 1
    proof.status = ProofStatus.APPROVED
    db.session.commit()
    assert attention.count_waiting_proofs() == 0
