"""All that is known about one order: its facts, and what happened when."""

import enum
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, defer
from sqlalchemy.orm.interfaces import ORMOption

from app.database import Base, db
from app.domain.accounts import directory
from app.domain.accounts.directory import PersonName
from app.domain.checkout import order_list, refunds
from app.domain.checkout.models import (
    Dispute,
    DisputeStatus,
    Payment,
    Refund,
    RefundStatus,
    WebhookEvent,
)
from app.domain.checkout.order_list import OrderRow
from app.domain.checkout.refunds import Refundable
from app.domain.checkout.transfer_models import PaymentProof, ProofStatus
from app.domain.courses import enrollments
from app.domain.courses.entitlement_models import Entitlement, EntitlementKind

MAX_FACTS = 100
Row = TypeVar("Row", bound=Base)


class Happening(enum.StrEnum):
    PLACED = "placed"
    PAYMENT = "payment"
    PROOF_SENT = "proof_sent"
    PROOF_APPROVED = "proof_approved"
    PROOF_REJECTED = "proof_rejected"
    REFUND_ASKED = "refund_asked"
    REFUND_MADE = "refund_made"
    REFUND_FAILED = "refund_failed"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    RELEASED = "released"
    ENDED = "ended"
    ACCESS_GIVEN = "access_given"
    ACCESS_ENDED = "access_ended"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: how much money it was about, who did it, and a word about it."""

    at: datetime
    what: Happening
    amount_minor: int | None = None
    currency: str | None = None
    by: uuid.UUID | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OrderFile:
    """An order with all its facts; `names` says who stands behind the ids in them."""

    row: OrderRow
    payments: Sequence[Payment]
    refunds: Sequence[Refund]
    disputes: Sequence[Dispute]
    proofs: Sequence[PaymentProof]
    events: Sequence[WebhookEvent]
    entries: Sequence[Entry]
    refundable: Sequence[Refundable]
    names: dict[uuid.UUID, PersonName]
    has_access: bool

    @property
    def left_minor(self) -> int:
        """Return how much of the payments can be given back now, whatever their currency."""
        return sum(payment.left_minor for payment in self.refundable if not payment.is_disputed)


def open_file(order_id: uuid.UUID) -> OrderFile:
    """Return all about one order. Raises NotFound."""
    row = order_list.get_order(order_id)
    payments = _facts(Payment, order_id, Payment.received_at)
    given = _facts(Refund, order_id, Refund.created_at)
    disputes = _facts(Dispute, order_id, Dispute.opened_at)
    proofs = _facts(PaymentProof, order_id, PaymentProof.created_at)
    events = _facts(WebhookEvent, order_id, WebhookEvent.received_at, defer(WebhookEvent.payload))
    access = _facts(Entitlement, order_id, Entitlement.created_at)
    entries = [
        *_of_order(row),
        *_of_payments(payments),
        *_of_refunds(given),
        *_of_disputes(disputes, payments),
        *_of_proofs(proofs),
        *_of_access(access),
    ]
    entries.sort(key=attrgetter("at"))
    enrollment = enrollments.find_enrollment(row.order.user_id, row.order.course_id)
    return OrderFile(
        row=row,
        payments=payments,
        refunds=given,
        disputes=disputes,
        proofs=proofs,
        events=events,
        entries=entries,
        refundable=refunds.list_refundable(order_id),
        names=directory.names_of({entry.by for entry in entries if entry.by}),
        has_access=enrollment is not None and enrollment.revoked_at is None,
    )


def _facts(
    table: type[Row],
    order_id: uuid.UUID,
    moment: InstrumentedAttribute[datetime],
    *options: ORMOption,
) -> list[Row]:
    """Return the newest facts about the order, the oldest of them first."""
    facts: Any = table
    newest = (
        select(table)
        .where(facts.order_id == order_id)
        .order_by(moment.desc(), facts.id.desc())
        .limit(MAX_FACTS)
        .options(*options)
    )
    return list(reversed(list(db.session.scalars(newest))))


def _of_order(row: OrderRow) -> Iterator[Entry]:
    order = row.order
    yield Entry(
        order.created_at, Happening.PLACED, order.total_minor, order.currency, order.user_id
    )
    if order.held_released_at is not None:
        yield Entry(order.held_released_at, Happening.RELEASED, by=order.held_released_by_id)
    if order.ended_at is not None and order.ended_as is not None:
        yield Entry(order.ended_at, Happening.ENDED, detail=order.ended_as.value)


def _of_payments(payments: Sequence[Payment]) -> Iterator[Entry]:
    for fact in payments:
        yield Entry(
            fact.received_at,
            Happening.PAYMENT,
            fact.amount_minor,
            fact.currency,
            fact.recorded_by_id,
        )


def _of_refunds(given: Sequence[Refund]) -> Iterator[Entry]:
    ends = {
        RefundStatus.SUCCEEDED: Happening.REFUND_MADE,
        RefundStatus.FAILED: Happening.REFUND_FAILED,
    }
    for fact in given:
        money = (fact.amount_minor, fact.currency)
        if fact.requested_by_id is not None:
            asked = Happening.REFUND_ASKED
            yield Entry(fact.created_at, asked, *money, fact.requested_by_id, fact.reason)
        if fact.status in ends:
            at = fact.settled_at or fact.created_at
            yield Entry(at, ends[fact.status], *money, detail=fact.error_detail or "")


def _of_disputes(disputes: Sequence[Dispute], payments: Sequence[Payment]) -> Iterator[Entry]:
    currencies = {payment.id: payment.currency for payment in payments}
    ends = {
        DisputeStatus.WON: Happening.DISPUTE_WON,
        DisputeStatus.LOST: Happening.DISPUTE_LOST,
    }
    for fact in disputes:
        money = (fact.amount_minor, currencies.get(fact.payment_id))
        yield Entry(fact.opened_at, Happening.DISPUTE_OPENED, *money)
        if fact.status in ends:
            yield Entry(fact.closed_at or fact.opened_at, ends[fact.status], *money)


def _of_proofs(proofs: Sequence[PaymentProof]) -> Iterator[Entry]:
    ends = {
        ProofStatus.APPROVED: Happening.PROOF_APPROVED,
        ProofStatus.REJECTED: Happening.PROOF_REJECTED,
    }
    for fact in proofs:
        yield Entry(fact.created_at, Happening.PROOF_SENT, detail=fact.reference)
        if fact.status in ends and fact.reviewed_at is not None:
            detail = fact.reject_reason or ""
            yield Entry(fact.reviewed_at, ends[fact.status], by=fact.reviewed_by_id, detail=detail)


def _of_access(facts: Sequence[Entitlement]) -> Iterator[Entry]:
    for fact in facts:
        if fact.kind is EntitlementKind.GRANT:
            yield Entry(fact.created_at, Happening.ACCESS_GIVEN, by=fact.actor_id)
        else:
            detail = fact.reason.value if fact.reason else ""
            yield Entry(fact.created_at, Happening.ACCESS_ENDED, by=fact.actor_id, detail=detail)
