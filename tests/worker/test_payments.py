"""The jobs about money: what they ask, what they end, and what they leave for the next run."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout import checking, fulfilment, inbox, refunds
from app.domain.checkout.models import (
    EventOutcome,
    Order,
    OrderStatus,
    Refund,
    RefundStatus,
    WebhookEvent,
)
from app.domain.checkout.transfer_models import PaymentProof
from app.domain.courses import enrollments, seats
from app.domain.courses.models import Course
from app.domain.outbox.models import Mail
from app.errors import GatewayRefused
from app.integrations.payments import PaymentState, Purchase, RefundMade, RefundState
from app.worker import payments
from app.worker.retries import RunAgain
from tests import factories
from tests.support.gateway import MemoryGateway, event, installed, named
from tests.support.orders import make_order


@pytest.fixture
def gateway(app: Flask) -> Iterator[MemoryGateway]:
    """Takes cards, and knows of nothing yet."""
    with installed(app, MemoryGateway()) as gateway:
        yield gateway


@pytest.fixture
def order_id(learner: User, gateway: MemoryGateway) -> UUID:
    """An order that was begun and is due to be asked about."""
    course = factories.make_course(price_minor=12_000, currency="ETB")
    order = make_order(learner, course, next_check_at=utcnow())
    order.gateway_reference = gateway.open(order)
    db.session.commit()
    return order.id


def _order(order_id: UUID) -> Order:
    return db.session.get_one(Order, order_id, populate_existing=True)


def _has_access(order_id: UUID) -> bool:
    order = _order(order_id)
    enrollment = enrollments.find_enrollment(order.user_id, order.course_id)
    return enrollment is not None and enrollment.revoked_at is None


def _queued(task: str) -> int:
    statement = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = :task")
    return db.session.scalar(statement, {"task": task}) or 0


def test_a_paid_order_is_found_without_any_webhook(gateway: MemoryGateway, order_id: UUID) -> None:
    gateway.pay(_order(order_id))
    payments.check_open()
    assert _order(order_id).status is OrderStatus.PAID
    assert _has_access(order_id)


def test_an_open_order_is_asked_about_again_later(gateway: MemoryGateway, order_id: UUID) -> None:
    assert payments.check_open() == 1
    assert payments.check_open() == 0
    order = _order(order_id)
    assert (order.status, order.checks) == (OrderStatus.OPEN, 1)
    assert order.next_check_at is not None
    assert order.next_check_at > utcnow() + timedelta(seconds=15)
    with shifted(timedelta(seconds=21)):
        assert payments.check_open() == 1


def test_an_order_past_its_time_is_ended_at_the_gateway_first(
    gateway: MemoryGateway, order_id: UUID
) -> None:
    order = _order(order_id)
    seats.take(order.course_id, order.user_id, order.id)
    reference = order.gateway_reference or ""
    db.session.commit()
    with shifted(timedelta(minutes=61)):
        payments.check_open()
    assert gateway.attempts[reference].state is PaymentState.EXPIRED
    assert _order(order_id).status is OrderStatus.EXPIRED
    assert not seats.has_seat(_order(order_id).course_id, _order(order_id).user_id)


def test_an_order_that_was_paid_in_its_last_second_is_not_ended(
    gateway: MemoryGateway, order_id: UUID
) -> None:
    gateway.pay(_order(order_id))
    with shifted(timedelta(minutes=61)):
        payments.check_open()
    assert _order(order_id).status is OrderStatus.PAID
    assert _has_access(order_id)


def test_an_attempt_that_was_never_noted_is_found_and_ended(
    gateway: MemoryGateway, order_id: UUID
) -> None:
    order = _order(order_id)
    reference, order.gateway_reference = order.gateway_reference or "", None
    db.session.commit()
    with shifted(timedelta(minutes=61)):
        payments.check_open()
    assert gateway.attempts[reference].state is PaymentState.EXPIRED
    assert _order(order_id).status is OrderStatus.EXPIRED


def test_an_order_that_no_attempt_was_begun_for_is_ended(
    gateway: MemoryGateway, order_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_purchase: Purchase) -> None:
        raise GatewayRefused("too late")

    _order(order_id).gateway_reference = None
    db.session.commit()
    monkeypatch.setattr(gateway, "begin", refuse)
    with shifted(timedelta(minutes=61)):
        payments.check_open()
    assert _order(order_id).status is OrderStatus.EXPIRED


def test_a_gateway_that_is_not_set_up_any_more_keeps_no_order_open(
    gateway: MemoryGateway, order_id: UUID
) -> None:
    gateway.method, order = "other", _order(order_id)
    order.method = "gone"
    db.session.commit()
    with shifted(timedelta(minutes=61)):
        payments.check_open()
    assert _order(order_id).status is OrderStatus.EXPIRED


def test_a_silent_gateway_changes_nothing_and_is_asked_once_a_round(
    gateway: MemoryGateway, order_id: UUID, outsider: User
) -> None:
    course = db.session.get_one(Course, _order(order_id).course_id)
    second = make_order(outsider, course, next_check_at=utcnow(), gateway_reference="cs_2").id
    gateway.is_down = True
    payments.check_open()
    asked = [(_order(id_).status, _order(id_).checks) for id_ in (order_id, second)]
    assert asked == [(OrderStatus.OPEN, 1), (OrderStatus.OPEN, 0)]
    assert _order(order_id).last_trouble
    gateway.is_down = False
    with shifted(timedelta(minutes=1)):
        payments.check_open()
    assert _order(order_id).last_trouble is None


def test_a_transfer_that_nobody_sent_is_over_in_time(learner: User) -> None:
    course = factories.make_course(price_minor=100)
    order = make_order(learner, course, method="transfer", expires_at=utcnow() + timedelta(days=7))
    order.gateway_reference = order.number
    db.session.commit()
    order_id = order.id
    payments.check_open()
    assert _order(order_id).status is OrderStatus.OPEN
    with shifted(timedelta(days=8)):
        for _ in range(2):
            payments.check_open()
    assert _order(order_id).status is OrderStatus.EXPIRED
    assert db.session.scalars(select(Mail.template)).all() == ["order_expired"]


def test_a_transfer_whose_proof_waits_is_not_ended(learner: User) -> None:
    order_id = _under_review(learner)
    with shifted(timedelta(days=30)):
        payments.check_open()
    assert _order(order_id).status is OrderStatus.UNDER_REVIEW


def test_access_ahead_of_the_money_is_taken_in_time(learner: User) -> None:
    order_id = _under_review(learner)
    payments.check_open()
    assert _has_access(order_id)
    with shifted(timedelta(hours=25)):
        payments.check_open()
    assert not _has_access(order_id)


def _under_review(user: User) -> UUID:
    order = make_order(user, factories.make_course(price_minor=100), method="transfer")
    db.session.add(
        PaymentProof(
            order_id=order.id,
            storage_key="proofs/x",
            content_type="image/webp",
            size_bytes=1,
            sha256="0" * 64,
        )
    )
    order.provisional_ends_at = utcnow() + timedelta(hours=24)
    fulfilment.settle(order)
    db.session.commit()
    return order.id


@pytest.fixture
def refund_id(admin: User, gateway: MemoryGateway, order_id: UUID) -> UUID:
    """A refund that was asked for and not made: whoever asked was killed."""
    fulfilment.apply(gateway.pay(_order(order_id)), "card")
    refund = refunds.request(admin, order_id, None, True, "Asked for it", "key")
    db.session.commit()
    return refund.id


def test_a_refund_is_made_once(gateway: MemoryGateway, order_id: UUID, refund_id: UUID) -> None:
    for _ in range(3):
        payments.make_refund(refund_id)
    assert len(gateway.refunds) == 1
    assert db.session.get_one(Refund, refund_id).status is RefundStatus.SUCCEEDED
    assert _order(order_id).status is OrderStatus.REFUNDED
    assert not _has_access(order_id)
    assert sorted(db.session.scalars(select(Mail.template))) == ["receipt", "refund_made"]


def test_a_refund_that_the_gateway_told_of_first_is_the_same(
    gateway: MemoryGateway, order_id: UUID, refund_id: UUID
) -> None:
    reference = _order(order_id).gateway_reference or ""
    made = RefundMade("re_9", RefundState.SUCCEEDED, 12_000, refund_id)
    fulfilment.apply(gateway.add_refund(reference, made), "card")
    db.session.commit()
    refunds.finish(refund_id, made)
    db.session.commit()
    assert db.session.scalars(select(Refund.gateway_refund_id)).all() == ["re_9"]
    assert sorted(db.session.scalars(select(Mail.template))) == ["receipt", "refund_made"]


def test_a_refund_waits_for_a_silent_gateway(gateway: MemoryGateway, refund_id: UUID) -> None:
    gateway.is_down = True
    with pytest.raises(RunAgain):
        payments.make_refund(refund_id)
    assert db.session.get_one(Refund, refund_id).status is RefundStatus.REQUESTED


def test_a_refused_refund_is_kept_as_failed(
    gateway: MemoryGateway, order_id: UUID, refund_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise GatewayRefused("The balance is too low.")

    monkeypatch.setattr(gateway, "refund", refuse)
    payments.make_refund(refund_id)
    refund = db.session.get_one(Refund, refund_id)
    assert (refund.status, refund.error_detail) == (RefundStatus.FAILED, "The balance is too low.")
    assert _has_access(order_id)


def test_what_a_killed_worker_left_is_taken_up_again(
    gateway: MemoryGateway, order_id: UUID, refund_id: UUID
) -> None:
    told = gateway.attempts[_order(order_id).gateway_reference or ""]
    inbox.receive(event("charge.refunded", named(told), needs_look_up=True), "card")
    db.session.execute(text("DELETE FROM procrastinate_jobs"))
    db.session.commit()
    with shifted(timedelta(minutes=3)):
        for _ in range(2):
            payments.check_open()
    assert (_queued(inbox.LOOK_UP_TASK), _queued(refunds.REFUND_TASK)) == (1, 1)
    assert db.session.scalars(select(WebhookEvent.outcome)).all() == [EventOutcome.WAITING]


def test_one_order_in_trouble_does_not_hold_up_the_others(
    gateway: MemoryGateway, order_id: UUID, outsider: User
) -> None:
    course = factories.make_course(price_minor=12_000, currency="ETB")
    other = make_order(outsider, course, next_check_at=utcnow())
    other.gateway_reference = gateway.open(other)
    gateway.pay(other)
    gateway.attempts.pop(_order(order_id).gateway_reference or "")
    other_id = other.id
    db.session.commit()
    payments.check_open()
    assert _order(order_id).last_trouble == "There is no such attempt."
    assert _order(other_id).status is OrderStatus.PAID


def test_checks_are_a_minute_apart_at_most_while_people_look_on() -> None:
    early, late = timedelta(minutes=5), timedelta(minutes=30)
    waits = [checking.wait_after(checks, early).total_seconds() for checks in range(5)]
    assert waits == [20, 40, 60, 60, 60]
    assert checking.wait_after(20, late) == timedelta(hours=1)
