"""The one way in which anything happens to an order: facts are added, then it is settled.

Webhooks, return pages, sweepers and reconcilers all come through `apply`; people's acts end in
`settle`. Both take the order's lock first, so whoever comes second finds the first one's work.
"""

import enum
import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.clock import utcnow
from app.database import db
from app.domain.checkout import access, notices, recording, standing, tracing
from app.domain.checkout.models import EndReason, Order, OrderStatus, Payment, Refund, RefundStatus
from app.errors import CheckoutRefused, NotFound
from app.integrations.payments import PaymentState, Report


class HoldReason(enum.StrEnum):
    """What about a payment is unlike the order: staff looks before it opens anything."""

    AMOUNT = "amount"
    CURRENCY = "currency"
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of a report: the order, what was `news`, and whether there is more to ask for."""

    order: Order
    news: tuple[str, ...] = ()
    needs_look_up: bool = False


_ENDS = {PaymentState.FAILED: EndReason.FAILED, PaymentState.EXPIRED: EndReason.EXPIRED}
# Both a buyer and the clock may end an order: the same word wins whoever was first.
_END_RANKS = (EndReason.EXPIRED, EndReason.CANCELLED, EndReason.FAILED)


def apply(report: Report, method: str) -> Applied:
    """Add what a gateway tells to its order and settle it; what was told before changes nothing.

    Raises NotFound when the order cannot be told.
    """
    order = _find(report, method)
    news: list[str] = []
    arrived: Payment | None = None
    is_alike = _is_alike(order, report, method)
    if is_alike and order.gateway_reference is None and report.state is not PaymentState.OPEN:
        order.gateway_reference = report.reference
    received = report.received
    if received is not None:
        arrived = recording.add_payment(
            order, method, received.payment_id, received.amount_minor, received.currency, None
        )
        if arrived is not None:
            news.append(f"payment {received.payment_id} received")
            if not is_alike:
                order.hold_reason = HoldReason.ORDER
        payment = arrived or recording.find_payment(method, received.payment_id)
        if payment is not None and payment.order_id == order.id:
            news += recording.add_refunds(payment, received)
            for dispute in recording.add_disputes(payment, received):
                news.append(f"dispute {dispute.gateway_dispute_id} {dispute.status.value}")
                tracing.disputed(order, dispute)
    elif report.state in _ENDS and is_alike:
        _note_end(order, _ENDS[report.state])
    _settle(order, arrived, news)
    return Applied(order, tuple(news), _lacks_facts(order, report, method))


def record_payment(
    order: Order,
    gateway: str,
    payment_id: str,
    amount_minor: int,
    currency: str,
    by: uuid.UUID | None = None,
) -> Payment | None:
    """Record money that somebody saw arrive, and settle the order; None when it was known."""
    order = lock(order.id)
    payment = recording.add_payment(order, gateway, payment_id, amount_minor, currency, by)
    _settle(order, payment, [])
    return payment


def complete_free(order: Order) -> None:
    """Complete an order that costs nothing. Raises CheckoutRefused for any other."""
    order = lock(order.id)
    if order.total_minor != 0:
        raise CheckoutRefused("This order has to be paid.")
    if order.paid_at is None and order.ended_as is None:
        _become_paid(order, utcnow())
        tracing.paid(order, None)
    _settle(order, None, [])


def end(order: Order, reason: EndReason) -> None:
    """End an order that no money came for; where it came, nothing happens."""
    order = lock(order.id)
    _note_end(order, reason)
    _settle(order, None, [])


def release_hold(order: Order, by: uuid.UUID) -> None:
    """Let a held order pass, as staff decided. Raises CheckoutRefused unless it is held."""
    order = lock(order.id)
    if order.status is not OrderStatus.HELD:
        raise CheckoutRefused("This order is not held.")
    order.held_released_at, order.held_released_by_id = utcnow(), by
    _settle(order, None, [])


def settle(order: Order) -> None:
    """Bring status, access, seat, coupon, mails and trail of an order up to its facts.

    Whoever changes a fact calls it before the commit. A refund's `settled_at` is set here: that
    it was unset is how a refund is told of just once.
    """
    _settle(lock(order.id), None, [])


def lock(order_id: uuid.UUID) -> Order:
    """Return an order as it is now, locked until the transaction ends. Raises NotFound."""
    # Whatever is told of an order at once comes in one after the other here. Lock order everywhere:
    # order, coupon, course, enrollment.
    order = db.session.scalars(
        select(Order)
        .where(Order.id == order_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).first()
    if order is None:
        raise NotFound
    return order


def _find(report: Report, method: str) -> Order:
    """Return the order that a report is about: by its payment, its attempt, or its own id."""
    payment_id = report.received.payment_id if report.received else report.payment_id
    payment = recording.find_payment(method, payment_id) if payment_id else None
    if payment is not None:
        return lock(payment.order_id)
    if report.reference is not None:
        found = db.session.scalar(
            select(Order.id).where(
                Order.method == method, Order.gateway_reference == report.reference
            )
        )
        if found is not None:
            return lock(found)
    if report.order_id is None:
        raise NotFound
    return lock(report.order_id)


def _is_alike(order: Order, report: Report, method: str) -> bool:
    """Whether a report names the same order, method and attempt as the order's row."""
    return (
        order.method == method
        and report.order_id in (None, order.id)
        and (report.reference is None or order.gateway_reference in (None, report.reference))
    )


def _lacks_facts(order: Order, report: Report, method: str) -> bool:
    """Whether the gateway knows more than it told: how it was paid, or by which refunds."""
    received = report.received
    if received is None:
        return report.state is PaymentState.PAID and not recording.list_payments(order.id)
    payment = recording.find_payment(method, received.payment_id)
    return payment is not None and received.refunded_minor > recording.refunded_minor(payment.id)


def _note_end(order: Order, reason: EndReason) -> None:
    if order.paid_at is not None or recording.list_payments(order.id):
        return
    ranks = _END_RANKS
    if order.ended_as is None or ranks.index(reason) > ranks.index(order.ended_as):
        order.ended_as = reason
        order.ended_at = order.ended_at or utcnow()


def _settle(order: Order, arrived: Payment | None, news: list[str]) -> None:
    now = utcnow()
    _hold_what_is_unlike(order)
    db.session.flush()
    facts = standing.facts_of(order)
    before, order.status = order.status, standing.status_of(facts)
    is_paid_now = facts.has_money and not facts.is_held and order.paid_at is None
    if is_paid_now:
        _become_paid(order, now)
        tracing.paid(order, arrived)
    elif arrived is not None:
        tracing.received(order, arrived, is_held=facts.is_held)
    if order.status is not OrderStatus.OPEN:
        order.next_check_at = None
    if order.status is not before:
        news.append(f"order {before.value} -> {order.status.value}")
    db.session.flush()
    news += access.settle(order, facts, now)
    _tell_refunds(order, keeps_access=standing.gives_access(facts, now))


def _become_paid(order: Order, now: datetime) -> None:
    order.paid_at = now
    db.session.flush()
    notices.tell_receipt(order, now)


def _hold_what_is_unlike(order: Order) -> None:
    """Hold an order unless a payment is just what it asked for; that one lets go again."""
    payments = recording.list_payments(order.id)
    if not payments or order.hold_reason == HoldReason.ORDER:
        return
    if any(
        (payment.amount_minor, payment.currency) == (order.total_minor, order.currency)
        for payment in payments
    ):
        order.hold_reason = None
    else:
        is_currency = all(payment.currency != order.currency for payment in payments)
        order.hold_reason = HoldReason.CURRENCY if is_currency else HoldReason.AMOUNT


def _tell_refunds(order: Order, *, keeps_access: bool) -> None:
    """Tell of refunds that have come to an end since the last time."""
    ended = db.session.scalars(
        select(Refund)
        .where(
            Refund.order_id == order.id,
            Refund.status != RefundStatus.REQUESTED,
            Refund.settled_at.is_(None),
        )
        .order_by(Refund.created_at, Refund.id)
    ).all()
    for refund in ended:
        refund.settled_at = utcnow()
        tracing.refunded(order, refund)
        if refund.status is RefundStatus.SUCCEEDED:
            notices.tell_refund(order, refund, keeps_access=keeps_access)
    db.session.flush()
