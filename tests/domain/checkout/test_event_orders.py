"""Events in every order, any one of them lost: one and the same end."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.audit.models import AuditEvent
from app.domain.checkout import inbox
from app.domain.checkout.models import (
    Dispute,
    EventOutcome,
    Order,
    OrderStatus,
    Payment,
    Refund,
    RefundStatus,
)
from app.domain.courses import enrollments
from app.domain.courses.models import Course, RevocationReason
from app.domain.outbox.models import Mail
from app.integrations.payments import (
    DisputeState,
    GatewayEvent,
    Received,
    RefundMade,
    RefundState,
    Report,
)
from app.worker import payments as jobs
from app.worker import reconciling
from tests import factories
from tests.support.gateway import MemoryGateway, event, named
from tests.support.orders import make_order

KINDS = ("created", "completed", "succeeded", "refunded", "dispute")
Tell = Callable[[Report], GatewayEvent]
TELL: dict[str, Tell] = {
    "created": lambda told: event("payment_intent.created", None),
    "completed": lambda told: event(
        "checkout.session.completed",
        Report(told.state, told.order_id, told.reference, told.payment_id, _bare(told)),
    ),
    "succeeded": lambda told: event(
        "payment_intent.succeeded",
        Report(told.state, told.order_id, payment_id=told.payment_id, received=_bare(told)),
    ),
    "refunded": lambda told: event("charge.refunded", named(told), needs_look_up=True),
    "dispute": lambda told: event("charge.dispute.created", named(told), needs_look_up=True),
}


def _bare(told: Report) -> Received:
    """Return the money as the event of its arrival tells it: nothing had gone back then."""
    assert told.received is not None
    received = told.received
    return Received(received.payment_id, received.amount_minor, received.currency)


@dataclass(frozen=True)
class End:
    """All that may not depend on the order of events."""

    status: OrderStatus
    revocation: RevocationReason | None
    payments: int
    refunds: int
    disputes: int
    mails: tuple[str, ...]
    audited: tuple[str, ...]


def _end_of(order_id: UUID, email: str) -> End:
    db.session.expire_all()
    order = db.session.get_one(Order, order_id)
    enrollment = enrollments.find_enrollment(order.user_id, order.course_id)
    assert enrollment is not None
    assert enrollment.revoked_at is not None

    def count(table: type[Payment] | type[Refund] | type[Dispute]) -> int:
        counted = select(func.count()).where(table.order_id == order.id)
        return db.session.scalar(counted) or 0

    mails = db.session.scalars(select(Mail.template).where(Mail.to_email == email))
    audited = db.session.scalars(select(AuditEvent.action).where(AuditEvent.subject_id == order.id))
    return End(
        order.status,
        enrollment.revocation,
        count(Payment),
        count(Refund),
        count(Dispute),
        tuple(sorted(mails)),
        tuple(sorted(audited)),
    )


def _play(gateway: MemoryGateway, course_id: UUID, kinds: tuple[str, ...]) -> End:
    """Deliver the events of one order as given and run what they ask for.

    Where one was lost the books are compared, too.
    """
    gateway.attempts.clear()
    user = factories.make_user()
    order = make_order(user, db.session.get_one(Course, course_id))
    order_id, email = order.id, user.email
    reference = order.gateway_reference = gateway.open(order)
    gateway.pay(order)
    gateway.add_refund(reference, RefundMade("re_1", RefundState.SUCCEEDED, order.total_minor))
    told = gateway.add_dispute(reference, DisputeState.OPEN)
    for kind in kinds:
        outcome = inbox.receive(TELL[kind](told), "card")
        db.session.commit()
        if outcome is EventOutcome.WAITING:
            jobs.look_up("card", str(told.payment_id))
    if len(kinds) < len(KINDS):
        list(reconciling.reconcile(utcnow()))
    return _end_of(order_id, email)


DONE = End(
    OrderStatus.DISPUTED,
    RevocationReason.DISPUTE,
    payments=1,
    refunds=1,
    disputes=1,
    mails=("receipt", "refund_made"),
    audited=("order.disputed", "order.paid", "refund.recorded"),
)


@pytest.mark.parametrize("first", KINDS)
def test_every_order_of_events_ends_alike(
    gateway: MemoryGateway, priced: Course, first: str
) -> None:
    others = [kind for kind in KINDS if kind != first]
    course_id = priced.id
    ends = {_play(gateway, course_id, (first, *rest)) for rest in itertools.permutations(others)}
    assert ends == {DONE}


@pytest.mark.parametrize("lost", KINDS)
def test_a_lost_event_is_made_up_for_whatever_the_order(
    gateway: MemoryGateway, priced: Course, lost: str
) -> None:
    rest, course_id = [kind for kind in KINDS if kind != lost], priced.id
    assert {_play(gateway, course_id, kinds) for kinds in itertools.permutations(rest)} == {DONE}


def test_nothing_but_the_books_is_enough(gateway: MemoryGateway, priced: Course) -> None:
    assert _play(gateway, priced.id, ()) == DONE
    assert not list(reconciling.reconcile(utcnow() - timedelta(hours=1)))


def test_a_refunded_order_never_enrols_again(
    gateway: MemoryGateway, order: Order, learner: User
) -> None:
    gateway.pay(order)
    reference, order_id, course_id = order.gateway_reference or "", order.id, order.course_id
    learner_id = learner.id
    told = gateway.add_refund(
        reference, RefundMade("re_1", RefundState.SUCCEEDED, order.total_minor)
    )
    for kind in ("refunded", "completed", "succeeded", "refunded", "completed"):
        inbox.receive(TELL[kind](told), "card")
        db.session.commit()
        jobs.look_up("card", str(told.payment_id))
    enrollment = enrollments.find_enrollment(learner_id, course_id)
    assert enrollment is not None
    assert enrollment.revocation is RevocationReason.REFUND
    assert db.session.get_one(Order, order_id).status is OrderStatus.REFUNDED
    assert db.session.scalars(select(Refund.status)).all() == [RefundStatus.SUCCEEDED]
