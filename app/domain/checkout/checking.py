"""Which orders are due to be asked about at their gateway, and what its answer means for them."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.clock import utcnow
from app.database import db
from app.domain.checkout import fulfilment, notices, recording
from app.domain.checkout.fulfilment import Applied
from app.domain.checkout.methods import TRANSFER
from app.domain.checkout.models import EndReason, Order, OrderStatus, Refund, RefundStatus
from app.domain.courses import entitlements
from app.integrations.payments import PaymentState, Report

FIRST_WAIT = timedelta(seconds=20)
# Most people pay within minutes, and are served while they look on, even if every webhook is lost.
EARLY, LONGEST_EARLY_WAIT = timedelta(minutes=15), timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
REFUND_IS_LATE_AFTER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Due:
    """An open order that is to be asked about; one past its time is to be ended there."""

    order_id: uuid.UUID
    method: str
    reference: str | None
    is_overdue: bool


def list_due(limit: int, *, without: Collection[str] = ()) -> list[Due]:
    """Return open orders whose turn has come, those that wait longest first.

    Orders paid by the methods `without` are left out: their gateways do not answer.
    """
    now = utcnow()
    is_overdue = Order.expires_at <= now
    rows = db.session.execute(
        select(Order.id, Order.method, Order.gateway_reference, is_overdue)
        .where(
            Order.status == OrderStatus.OPEN,
            Order.method.not_in(without),
            (Order.next_check_at <= now) | (Order.next_check_at.is_(None) & is_overdue),
        )
        .order_by(func.coalesce(Order.next_check_at, Order.expires_at), Order.id)
        .limit(limit)
    )
    return [Due(*row) for row in rows]


def apply_checked(order_id: uuid.UUID, report: Report) -> Applied:
    """Apply what a gateway answered about an order, and say when it is asked next.

    Raises NotFound.
    """
    order = fulfilment.lock(order_id)
    order.last_trouble = report.detail
    _wait_for_next(order)
    return fulfilment.apply(report, order.method)


def expire(order_id: uuid.UUID, report: Report | None) -> None:
    """End an order past its time, unless its gateway says that it is paid, or being paid.

    Without a report there is nobody to ask. Raises NotFound.
    """
    if report is not None:
        order = apply_checked(order_id, report).order
        if report.state is PaymentState.OPEN and order.method != TRANSFER:
            return
    order = fulfilment.lock(order_id)
    if order.status is not OrderStatus.OPEN or order.expires_at > utcnow():
        return
    fulfilment.end(order, EndReason.EXPIRED)
    if order.method == TRANSFER:
        notices.tell_expired(order)


def note_trouble(order_id: uuid.UUID, detail: str) -> None:
    """Keep why a gateway could not be asked about an order, and ask later. Raises NotFound."""
    order = fulfilment.lock(order_id)
    order.last_trouble = detail[: recording.MAX_DETAIL_LENGTH]
    _wait_for_next(order)
    db.session.flush()


def list_provisional_over(limit: int) -> Sequence[uuid.UUID]:
    """Return orders whose access ahead of the money has run out and was not taken yet."""
    return db.session.scalars(
        select(Order.id)
        .where(
            Order.status == OrderStatus.UNDER_REVIEW,
            Order.provisional_ends_at <= utcnow(),
            entitlements.has_granted(Order.id),
        )
        .order_by(Order.provisional_ends_at, Order.id)
        .limit(limit)
    ).all()


def end_provisional(order_id: uuid.UUID) -> None:
    """Take what was given ahead of the money, if its time is over. Raises NotFound."""
    fulfilment.settle(fulfilment.lock(order_id))


def list_late_refunds(limit: int) -> Sequence[uuid.UUID]:
    """Return refunds that were asked for and whose gateway was never reached."""
    return db.session.scalars(
        select(Refund.id)
        .where(
            Refund.status == RefundStatus.REQUESTED,
            Refund.gateway_refund_id.is_(None),
            Refund.requested_by_id.is_not(None),
            Refund.created_at < utcnow() - REFUND_IS_LATE_AFTER,
        )
        .order_by(Refund.created_at)
        .limit(limit)
    ).all()


def wait_after(checks: int, age: timedelta) -> timedelta:
    """Return how long to wait after so many checks of an order that old."""
    wait: timedelta = FIRST_WAIT * 2 ** min(checks, 10)
    return min(wait, LONGEST_EARLY_WAIT if age < EARLY else LONGEST_WAIT)


def _wait_for_next(order: Order) -> None:
    now: datetime = utcnow()
    order.next_check_at = now + wait_after(order.checks, now - order.created_at)
    order.checks += 1
    if order.method != TRANSFER and order.next_check_at > order.expires_at > now:
        order.next_check_at = order.expires_at
