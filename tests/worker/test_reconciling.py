"""Our books against a gateway's: what is said, what is repaired, and what only people can."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import delete, select

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.audit.models import AuditEvent
from app.domain.checkout import fulfilment
from app.domain.checkout.models import Order, OrderStatus, Payment
from app.domain.courses import enrollments
from app.domain.courses.models import Enrollment
from app.integrations.payments import DisputeState, RefundMade, RefundState
from app.worker import reconciling
from tests import factories
from tests.support.gateway import MemoryGateway, installed
from tests.support.orders import make_order


@pytest.fixture
def gateway(app: Flask) -> Iterator[MemoryGateway]:
    """Takes cards, and knows of nothing yet."""
    with installed(app, MemoryGateway()) as gateway:
        yield gateway


@pytest.fixture
def order_id(learner: User, gateway: MemoryGateway) -> UUID:
    """An order that was begun."""
    course = factories.make_course(price_minor=12_000, currency="ETB")
    order = make_order(learner, course)
    order.gateway_reference = gateway.open(order)
    db.session.commit()
    return order.id


def _order(order_id: UUID) -> Order:
    return db.session.get_one(Order, order_id, populate_existing=True)


def _pay(gateway: MemoryGateway, order_id: UUID, amount: int | None = None) -> None:
    """Have an order paid and the event of it arrive."""
    fulfilment.apply(gateway.pay(_order(order_id), amount), "card")
    db.session.commit()


def _differences(*, is_dry_run: bool = False) -> list[str]:
    since = utcnow() - timedelta(hours=1)
    found = reconciling.reconcile(since, is_dry_run=is_dry_run)
    return [f"{one.what}{'' if one.is_repaired else ' !'}" for one in found]


def test_books_that_agree_have_no_difference(gateway: MemoryGateway, order_id: UUID) -> None:
    assert _differences() == []
    _pay(gateway, order_id)
    assert _differences() == []
    assert db.session.scalar(
        select(AuditEvent).where(AuditEvent.action == "payments.reconciled")
    ) is None  # fmt: skip


def test_what_was_paid_there_and_not_here_is_paid_here(
    gateway: MemoryGateway, order_id: UUID
) -> None:
    gateway.pay(_order(order_id))
    said = [f"payment pi_{order_id.hex} received", "order open -> paid", "access given"]
    assert _differences(is_dry_run=True) == said
    assert _order(order_id).status is OrderStatus.OPEN
    assert _differences() == said
    assert _order(order_id).status is OrderStatus.PAID
    assert _differences() == []
    noted = AuditEvent.action == "payments.reconciled"
    assert db.session.scalars(select(AuditEvent.detail).where(noted)).all() == [{"differences": 3}]


def test_refunds_and_disputes_that_were_missed_are_made_up_for(
    gateway: MemoryGateway, order_id: UUID
) -> None:
    _pay(gateway, order_id)
    reference = _order(order_id).gateway_reference or ""
    gateway.add_refund(reference, RefundMade("re_1", RefundState.SUCCEEDED, 12_000))
    gateway.add_dispute(reference, DisputeState.LOST)
    assert _differences() == [
        "refund re_1 succeeded",
        f"dispute dp_1_{reference} lost",
        "order paid -> charged_back",
        "access taken (dispute)",
    ]
    assert _differences() == []


def test_a_paid_order_without_access_gets_it(gateway: MemoryGateway, order_id: UUID) -> None:
    _pay(gateway, order_id)
    db.session.execute(delete(Enrollment))
    db.session.commit()
    assert _differences() == ["the enrollment is not what the ledger comes to"]
    order = _order(order_id)
    enrollment = enrollments.find_enrollment(order.user_id, order.course_id)
    assert enrollment is not None
    assert _differences() == []


def test_an_order_whose_status_strayed_is_set_right(gateway: MemoryGateway, order_id: UUID) -> None:
    _pay(gateway, order_id)
    _order(order_id).status = OrderStatus.EXPIRED
    db.session.commit()
    found = ["order expired -> paid"]
    assert _differences() == found
    assert _order(order_id).status is OrderStatus.PAID


def test_money_here_that_the_gateway_does_not_know_is_for_people(
    gateway: MemoryGateway, order_id: UUID
) -> None:
    _pay(gateway, order_id)
    gateway.attempts.clear()
    said = [f"payment pi_{order_id.hex} is not known to the gateway !"]
    assert _differences() == said
    assert _differences() == said


def test_sums_that_differ_are_for_people(gateway: MemoryGateway, order_id: UUID) -> None:
    _pay(gateway, order_id)
    gateway.pay(_order(order_id), 11_000)
    said = f"payment pi_{order_id.hex} is 12000 ETB here, 11000 ETB there !"
    assert _differences() == [said]
    assert db.session.scalars(select(Payment.amount_minor)).all() == [12_000]


def test_money_for_an_order_that_is_not_here_is_for_people(
    gateway: MemoryGateway, learner: User
) -> None:
    lost = make_order(learner, factories.make_course(price_minor=100))
    gateway.pay(lost)
    db.session.delete(lost)
    db.session.commit()
    [said] = _differences()
    assert said.endswith("names an order that is not here !")


def test_what_staff_took_is_no_difference(gateway: MemoryGateway, order_id: UUID) -> None:
    _pay(gateway, order_id)
    order = _order(order_id)
    enrollments.revoke(order.user_id, order.course_id)
    db.session.commit()
    assert _differences() == []


def test_a_silent_gateway_is_left_for_the_next_hour(gateway: MemoryGateway) -> None:
    gateway.is_down = True
    assert reconciling.reconcile_lately() == 0
