"""What of selling needs somebody: money that opened nothing, money asked back, what got stuck.

Nothing is marked as seen: each entry is read from the facts and goes once they are put right.
"""

import enum
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, literal, or_, select, union_all
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from app.clock import utcnow
from app.database import db
from app.domain.checkout.models import (
    Dispute,
    DisputeStatus,
    EventOutcome,
    Order,
    OrderStatus,
    Payment,
    Refund,
    RefundStatus,
    WebhookEvent,
)
from app.domain.checkout.transfer_models import PaymentProof, ProofStatus

# The worker looks every 15 seconds and backs off for an hour at most.
STUCK_AFTER = timedelta(minutes=75)
EVENT_WAITS_LONG = timedelta(minutes=15)
SHOWN_FOR = timedelta(days=90)
REFUSED_FOR = timedelta(days=7)


class Trouble(enum.StrEnum):
    """What is the matter with an order."""

    HELD = "held"
    PAID_TWICE = "paid_twice"
    DISPUTED = "disputed"
    REFUND_FAILED = "refund_failed"
    REFUND_STUCK = "refund_stuck"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class TroubledOrder:
    """An order that somebody should look at, since when, and what is known of the cause."""

    trouble: Trouble
    order_id: uuid.UUID
    number: str
    course_title: str
    since: datetime
    detail: str | None


@dataclass(frozen=True, slots=True)
class WaitingProofs:
    """How many proofs of payment wait for a decision, and since when the first one does."""

    count: int
    since: datetime


@dataclass(frozen=True, slots=True)
class TroubledEvents:
    """Events of one gateway that came to nothing; `detail` is of the latest."""

    gateway: str
    outcome: EventOutcome
    count: int
    latest_at: datetime
    detail: str | None


def waiting_proofs() -> WaitingProofs | None:
    """Return how many proofs wait for a decision; None when none does."""
    count, since = db.session.execute(
        select(func.count(), func.min(PaymentProof.created_at)).where(
            PaymentProof.status == ProofStatus.PENDING
        )
    ).one()
    return WaitingProofs(count, since) if count else None


def count_waiting_proofs() -> int:
    """Return how many proofs wait for a decision."""
    waiting = waiting_proofs()
    return waiting.count if waiting else 0


def list_troubled_orders(limit: int) -> list[TroubledOrder]:
    """Return the orders that somebody should look at, what came last first."""
    twice = _paid_too_much().union(_paid_before()).subquery()
    found = union_all(
        _held(), select(twice), _disputed(), _refund_failed(), _refund_stuck(), _stuck()
    ).subquery()
    rows = db.session.execute(
        select(found).order_by(found.c.since.desc(), found.c.order_id, found.c.trouble).limit(limit)
    )
    return [TroubledOrder(Trouble(row.trouble), *row[1:]) for row in rows]


def list_troubled_events(limit: int) -> list[TroubledEvents]:
    """Return what gateways told that was refused of late, or has waited long to be looked up."""
    now, kind = utcnow(), (WebhookEvent.gateway, WebhookEvent.outcome)
    rows = db.session.execute(
        select(
            *kind,
            func.count().over(partition_by=kind),
            WebhookEvent.received_at,
            func.coalesce(WebhookEvent.detail, WebhookEvent.type),
        )
        .where(
            or_(
                (WebhookEvent.outcome == EventOutcome.REFUSED)
                & (WebhookEvent.received_at > now - REFUSED_FOR),
                (WebhookEvent.outcome == EventOutcome.WAITING)
                & (WebhookEvent.received_at < now - EVENT_WAITS_LONG),
            )
        )
        .ext(distinct_on(*kind))
        .order_by(*kind, WebhookEvent.received_at.desc())
        .limit(limit)
    )
    return [TroubledEvents(*row) for row in rows]


def _orders(trouble: Trouble, since: Any, detail: Any) -> Select[Any]:
    return select(
        literal(trouble.value).label("trouble"),
        Order.id.label("order_id"),
        Order.number,
        Order.course_title,
        since.label("since"),
        detail.label("detail"),
    )


def _held() -> Select[Any]:
    came = select(func.max(Payment.received_at)).where(Payment.order_id == Order.id)
    since = func.coalesce(came.scalar_subquery(), Order.created_at)
    return _orders(Trouble.HELD, since, Order.hold_reason).where(Order.status == OrderStatus.HELD)


def _disputed() -> Select[Any]:
    return (
        _orders(Trouble.DISPUTED, Dispute.opened_at, Dispute.gateway_dispute_id)
        .join(Dispute, Dispute.order_id == Order.id)
        .where(Dispute.status == DisputeStatus.OPEN)
    )


def _refund_failed() -> Select[Any]:
    """Refunds that failed, unless a later one was tried."""
    later = aliased(Refund)
    tried_again = (
        select(later.id)
        .where(
            later.order_id == Refund.order_id,
            later.status != RefundStatus.FAILED,
            later.created_at > Refund.created_at,
        )
        .exists()
    )
    return (
        _orders(Trouble.REFUND_FAILED, Refund.created_at, Refund.error_detail)
        .join(Refund, Refund.order_id == Order.id)
        .where(
            Refund.status == RefundStatus.FAILED,
            Refund.created_at > utcnow() - SHOWN_FOR,
            ~tried_again,
        )
    )


def _refund_stuck() -> Select[Any]:
    return (
        _orders(Trouble.REFUND_STUCK, Refund.created_at, Refund.error_detail)
        .join(Refund, Refund.order_id == Order.id)
        .where(
            Refund.status == RefundStatus.REQUESTED,
            Refund.created_at < utcnow() - STUCK_AFTER,
        )
    )


def _stuck() -> Select[Any]:
    """Orders that should have been asked about or ended long ago: the worker or gateway is away."""
    late = utcnow() - STUCK_AFTER
    return _orders(Trouble.STUCK, Order.created_at, Order.last_trouble).where(
        Order.status == OrderStatus.OPEN,
        or_(Order.expires_at < late, Order.next_check_at < late),
    )


def _paid_too_much() -> Select[Any]:
    """Orders that brought more than they cost, in several payments of late."""
    paid_again = (
        select(Payment.order_id)
        .where(Payment.received_at > utcnow() - SHOWN_FOR)
        .group_by(Payment.order_id)
        .having(func.count() > 1)
    )
    came = select(func.sum(Payment.amount_minor)).where(Payment.order_id == Order.id)
    back = select(func.coalesce(func.sum(Refund.amount_minor), 0)).where(
        Refund.order_id == Order.id, Refund.status != RefundStatus.FAILED
    )
    return _orders(Trouble.PAID_TWICE, Order.paid_at, literal(None)).where(
        Order.id.in_(paid_again),
        Order.status == OrderStatus.PAID,
        came.scalar_subquery() - back.scalar_subquery() > Order.total_minor,
    )


def _paid_before() -> Select[Any]:
    """Orders of late for a course that their buyer had paid before and still has."""
    earlier = aliased(Order)
    paid_before = (
        select(earlier.id)
        .where(
            earlier.user_id == Order.user_id,
            earlier.course_id == Order.course_id,
            earlier.id != Order.id,
            earlier.status == OrderStatus.PAID,
            earlier.total_minor > 0,
            earlier.paid_at <= Order.paid_at,
            ~_ended(earlier.id),
        )
        .exists()
    )
    return _orders(Trouble.PAID_TWICE, Order.paid_at, literal(None)).where(
        Order.status == OrderStatus.PAID,
        Order.total_minor > 0,
        Order.created_at > utcnow() - SHOWN_FOR,
        paid_before,
        ~_ended(Order.id),
    )


def _ended(order_id: Any) -> Any:
    """Whether a refund took the access of an order: then the course may be bought again."""
    return (
        select(Refund.id)
        .where(
            Refund.order_id == order_id,
            Refund.ends_access,
            Refund.status != RefundStatus.FAILED,
        )
        .exists()
    )
