"""The inbox: each event once, with its effect, however often and by how many it is brought."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from app.database import db
from app.domain.audit.models import AuditEvent
from app.domain.checkout import inbox
from app.domain.checkout.models import EventOutcome, Order, OrderStatus, Payment, WebhookEvent
from app.domain.courses.entitlement_models import Entitlement
from app.domain.courses.models import Course, Enrollment
from app.domain.outbox.models import Mail
from app.errors import GatewayUnavailable
from app.integrations.payments import PaymentState, RefundMade, RefundState, Report
from app.worker import payments as jobs
from app.worker.retries import RunAgain
from tests import factories
from tests.support.crowds import crowded, together
from tests.support.gateway import MemoryGateway, event, installed, named
from tests.support.orders import make_order

COPIES = 1000


def _rows() -> list[WebhookEvent]:
    return list(db.session.scalars(select(WebhookEvent).order_by(WebhookEvent.id)))


def _waiting_jobs() -> int:
    statement = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'payments.look_up'"
    return db.session.scalar(text(statement)) or 0


def test_an_event_is_kept_with_its_effect(gateway: MemoryGateway, order: Order) -> None:
    told = event("checkout.session.completed", gateway.pay(order))
    assert inbox.receive(told, "card") is EventOutcome.APPLIED
    assert inbox.receive(told, "card") is EventOutcome.APPLIED
    [row] = _rows()
    assert (row.order_id, row.payment_id) == (order.id, f"pi_{order.id.hex}")
    assert order.status is OrderStatus.PAID


def test_an_unknown_kind_is_kept_and_ignored(gateway: MemoryGateway) -> None:
    assert inbox.receive(event("customer.created", None), "card") is EventOutcome.IGNORED
    assert [row.outcome for row in _rows()] == [EventOutcome.IGNORED]


def test_an_event_of_the_other_mode_is_kept_and_refused(
    gateway: MemoryGateway, order: Order
) -> None:
    told = event("checkout.session.completed", gateway.pay(order), is_live=True)
    assert inbox.receive(told, "card") is EventOutcome.REFUSED
    assert order.status is OrderStatus.OPEN
    assert [(row.outcome, row.is_live) for row in _rows()] == [(EventOutcome.REFUSED, True)]


def test_money_for_an_order_that_is_not_here_is_kept_and_refused(
    gateway: MemoryGateway, order: Order
) -> None:
    told = gateway.pay(order)
    lost = Report(told.state, factories.make_user().id, "cs_lost", "pi_lost", told.received)
    assert told.received is not None
    assert inbox.receive(event("checkout.session.completed", lost), "card") is EventOutcome.REFUSED
    assert _rows()[0].detail == inbox.UNKNOWN_ORDER


def test_what_else_uses_the_account_is_ignored(gateway: MemoryGateway, order: Order) -> None:
    told = gateway.pay(order)
    foreign = Report(told.state, None, "cs_shop", "pi_shop", told.received)
    told_of = event("payment_intent.succeeded", foreign)
    assert inbox.receive(told_of, "card") is EventOutcome.IGNORED


def test_what_an_event_leaves_out_is_looked_up(gateway: MemoryGateway, order: Order) -> None:
    gateway.pay(order)
    made = RefundMade("re_1", RefundState.SUCCEEDED, order.total_minor)
    told, order_id = gateway.add_refund(order.gateway_reference or "", made), order.id
    for _ in range(2):
        event_ = event("charge.refunded", named(told), needs_look_up=True)
        assert inbox.receive(event_, "card") is EventOutcome.WAITING
    db.session.commit()
    assert _waiting_jobs() == 1
    jobs.look_up("card", str(told.payment_id))
    assert {(row.outcome, row.order_id) for row in _rows()} == {(EventOutcome.APPLIED, order_id)}
    assert db.session.get_one(Order, order_id).status is OrderStatus.REFUNDED


def test_a_silent_gateway_is_asked_again(gateway: MemoryGateway, order: Order) -> None:
    told = gateway.pay(order)
    inbox.receive(event("charge.refunded", named(told), needs_look_up=True), "card")
    db.session.commit()
    gateway.is_down = True
    with pytest.raises(RunAgain) as again:
        jobs.look_up("card", str(told.payment_id))
    assert isinstance(again.value.__cause__, GatewayUnavailable)
    assert [row.outcome for row in _rows()] == [EventOutcome.WAITING]


def test_a_payment_that_the_gateway_does_not_know_is_refused(gateway: MemoryGateway) -> None:
    unknown = Report(PaymentState.PAID, payment_id="pi_unknown")
    inbox.receive(event("charge.dispute.created", unknown, needs_look_up=True), "card")
    db.session.commit()
    jobs.look_up("card", "pi_unknown")
    [row] = _rows()
    assert (row.outcome, row.detail) == (EventOutcome.REFUSED, "There is no such payment.")


@pytest.fixture
def crowd(
    environment: dict[str, str], fresh_database: Callable[[], str], tmp_path: Path
) -> Iterator[Flask]:
    """An application in which many are at work at once."""
    with crowded(environment, fresh_database(), tmp_path) as app:
        yield app


@pytest.fixture
def crowded_gateway(crowd: Flask) -> Iterator[MemoryGateway]:
    """Takes cards in that application."""
    with installed(crowd, MemoryGateway()) as gateway:
        yield gateway


@pytest.fixture
def paid(crowded_gateway: MemoryGateway) -> Report:
    """What there is to tell of an order that was paid a moment ago."""
    course = factories.make_course(price_minor=12_000, currency="ETB")
    order = make_order(factories.make_user(), course)
    order.gateway_reference = crowded_gateway.open(order)
    db.session.commit()
    return crowded_gateway.pay(order)


def _require_one_effect() -> None:
    for table in (Payment, Entitlement, Enrollment, Mail):
        assert db.session.scalar(select(func.count()).select_from(table)) == 1, table
    order = db.session.scalars(select(Order)).one()
    assert order.status is OrderStatus.PAID
    subject = AuditEvent.subject_id == order.id
    assert db.session.scalars(select(AuditEvent.action).where(subject)).all() == ["order.paid"]
    assert db.session.get_one(Course, order.course_id).learner_count == 1


def test_a_thousand_copies_from_fifty_threads_have_one_effect(crowd: Flask, paid: Report) -> None:
    told = event("checkout.session.completed", paid)
    outcomes = together(crowd, [lambda: inbox.receive(told, "card")] * COPIES)
    assert Counter(outcomes) == {EventOutcome.APPLIED: COPIES}
    assert len(_rows()) == 1
    _require_one_effect()


def test_different_events_of_one_payment_at_once_have_one_effect(
    crowd: Flask, paid: Report
) -> None:
    events = [event("payment_intent.succeeded", paid) for _ in range(40)]
    works = [partial(inbox.receive, told, "card") for told in events]
    assert Counter(together(crowd, works)) == {EventOutcome.APPLIED: 40}
    assert len(_rows()) == 40
    _require_one_effect()
