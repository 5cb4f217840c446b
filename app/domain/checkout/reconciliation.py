"""Our books against a gateway's, both ways, and our access against our own books.

What a gateway tells is applied as ever: a difference is what that brought about, or what it leaves
unlike. The caller decides whether it is kept: committed, or rolled back in a rehearsal.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, or_, select

from app.clock import utcnow
from app.database import db
from app.domain.checkout import access, fulfilment, recording, standing
from app.domain.checkout.methods import TRANSFER
from app.domain.checkout.models import Order, Payment, Refund, RefundStatus
from app.domain.courses import entitlements
from app.errors import NotFound
from app.integrations.payments import Report


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be; `order` is the order's number, if it has one."""

    method: str
    order: str
    what: str
    is_repaired: bool


def examine(report: Report, method: str) -> list[Difference]:
    """Apply what a gateway tells of one attempt; return what was unlike our books."""
    try:
        applied = fulfilment.apply(report, method)
    except NotFound:
        if report.order_id is None or report.received is None:
            return []  # of something else that uses the account, or nothing to lose
        paid = f"payment {report.received.payment_id} names an order that is not here"
        return [Difference(method, "-", paid, is_repaired=False)]
    number = applied.order.number
    differences = [Difference(method, number, news, is_repaired=True) for news in applied.news]
    left = _left_unlike(report, method)
    return differences + [Difference(method, number, what, is_repaired=False) for what in left]


def examine_order(order_id: uuid.UUID) -> list[Difference]:
    """Bring one order's status and access up to its facts; return what was not.

    Raises NotFound.
    """
    order = db.session.get(Order, order_id, populate_existing=True)
    if order is None:
        raise NotFound
    if not _what_is_off(order):
        return []
    order = fulfilment.lock(order_id)
    off = _what_is_off(order)  # somebody else may have settled it meanwhile
    fulfilment.settle(order)
    entitlements.bring_up(order.user_id, order.course_id)
    return [Difference(order.method, order.number, what, is_repaired=True) for what in off]


def list_unseen(method: str, since: datetime, seen: Collection[str]) -> list[str]:
    """Return payments of a gateway, recorded since, that it did not tell of.

    With them come those with a refund that it may have ended since. Of transfers there is no
    telling but by people.
    """
    if method == TRANSFER:
        return []
    waiting = exists().where(
        Refund.payment_id == Payment.id, Refund.status == RefundStatus.REQUESTED
    )
    names = db.session.scalars(
        select(Payment.gateway_payment_id)
        .where(Payment.gateway == method, or_(Payment.received_at >= since, waiting))
        .order_by(Payment.received_at, Payment.id)
    )
    return [name for name in names if name not in seen]


def examine_unknown(payment_id: str, method: str, report: Report | None) -> list[Difference]:
    """Compare a payment that the gateway told of only when asked; None: it knows of none."""
    if report is not None and report.received is not None:
        return examine(report, method)
    payment = recording.find_payment(method, payment_id)
    if payment is None:
        return []
    order = db.session.get_one(Order, payment.order_id)
    what = f"payment {payment_id} is not known to the gateway"
    return [Difference(method, order.number, what, is_repaired=False)]


def list_orders_since(since: datetime, after: uuid.UUID | None, limit: int) -> list[uuid.UUID]:
    """Return orders that were placed, or that money came for, since; by id, behind `after`."""
    paid = exists().where(Payment.order_id == Order.id, Payment.received_at >= since)
    statement = select(Order.id).where(or_(Order.created_at >= since, paid))
    if after is not None:
        statement = statement.where(Order.id > after)
    return list(db.session.scalars(statement.order_by(Order.id).limit(limit)))


def _left_unlike(report: Report, method: str) -> list[str]:
    """Return where the sums still differ: facts are never changed, so staff has to look."""
    received = report.received
    payment = recording.find_payment(method, received.payment_id) if received else None
    if received is None or payment is None:
        return []
    found = []
    if (payment.amount_minor, payment.currency) != (received.amount_minor, received.currency):
        found.append(
            f"payment {received.payment_id} is {payment.amount_minor} {payment.currency} here, "
            f"{received.amount_minor} {received.currency} there"
        )
    refunded = recording.refunded_minor(payment.id)
    if refunded != received.refunded_minor:
        found.append(
            f"of payment {received.payment_id} {refunded} {payment.currency} went back by our "
            f"books, {received.refunded_minor} by theirs"
        )
    return found


def _what_is_off(order: Order) -> list[str]:
    facts, now = standing.facts_of(order), utcnow()
    off = []
    status = standing.status_of(facts)
    if order.status is not status:
        off.append(f"order is {order.status.value} and should be {status.value}")
    if not access.is_as_it_should(order, facts, now):
        off.append(
            "paid without access" if standing.gives_access(facts, now) else "access without money"
        )
    elif not entitlements.is_brought_up(order.user_id, order.course_id):
        off.append("the enrollment is not what the ledger comes to")
    return off
