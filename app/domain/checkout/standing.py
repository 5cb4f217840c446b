"""Where an order stands and whether it opens its course: always made of its facts, never kept.

Nothing here writes. The facts only add up, so in which order they came makes no difference.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select

from app.database import db
from app.domain.checkout.models import (
    Dispute,
    DisputeStatus,
    EndReason,
    Order,
    OrderStatus,
    Payment,
    Refund,
    RefundStatus,
)
from app.domain.checkout.transfer_models import PaymentProof, ProofStatus
from app.domain.courses.models import RevocationReason

Row = TypeVar("Row", Payment, Refund, Dispute, PaymentProof)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an order, as far as it matters.

    `is_refunded` says that every payment went back whole, `ends_access` that a refund takes the
    course, too; `dispute` is the worst one there is. A free order that was completed has
    `is_complete`.
    """

    is_complete: bool = False
    has_money: bool = False
    is_refunded: bool = False
    ends_access: bool = False
    dispute: DisputeStatus | None = None
    is_held: bool = False
    ended_as: EndReason | None = None
    has_pending_proof: bool = False
    was_proof_rejected: bool = False
    provisional_ends_at: datetime | None = None


_ENDS = {
    EndReason.FAILED: OrderStatus.FAILED,
    EndReason.CANCELLED: OrderStatus.CANCELLED,
    EndReason.EXPIRED: OrderStatus.EXPIRED,
}
_WORST_FIRST = (DisputeStatus.LOST, DisputeStatus.OPEN, DisputeStatus.WON)


def status_of(facts: Facts) -> OrderStatus:
    """Return where an order with these facts stands."""
    if facts.has_money and facts.dispute is DisputeStatus.LOST:
        return OrderStatus.CHARGED_BACK
    if facts.has_money and facts.dispute is DisputeStatus.OPEN:
        return OrderStatus.DISPUTED
    if facts.has_money and facts.is_refunded:
        return OrderStatus.REFUNDED
    if facts.has_money and facts.is_held:
        return OrderStatus.HELD
    if facts.has_money or facts.is_complete:
        return OrderStatus.PAID
    if facts.ended_as is not None:
        return _ENDS[facts.ended_as]
    return OrderStatus.UNDER_REVIEW if facts.has_pending_proof else OrderStatus.OPEN


def gives_access(facts: Facts, now: datetime) -> bool:
    """Say whether an order with these facts opens its course."""
    if facts.has_money:
        is_disputed = facts.dispute in (DisputeStatus.OPEN, DisputeStatus.LOST)
        return not (facts.is_held or is_disputed or facts.ends_access)
    if facts.is_complete:
        return True
    is_waiting = facts.has_pending_proof and facts.ended_as is None
    return is_waiting and facts.provisional_ends_at is not None and facts.provisional_ends_at > now


def reason_against(facts: Facts) -> RevocationReason:
    """Return why an order with these facts, which gave access, gives it no more."""
    if facts.has_money:
        is_over = facts.ends_access and facts.dispute in (None, DisputeStatus.WON)
        return RevocationReason.REFUND if is_over else RevocationReason.DISPUTE
    if facts.was_proof_rejected:
        return RevocationReason.PROOF_REJECTED
    return RevocationReason.PROVISIONAL_ENDED


def facts_of(order: Order) -> Facts:
    """Return what is known of an order by now."""
    return facts_from(
        order,
        _all(Payment, order.id),
        _all(Refund, order.id),
        _all(Dispute, order.id),
        _all(PaymentProof, order.id),
    )


def facts_from(
    order: Order,
    payments: Iterable[Payment],
    refunds: Iterable[Refund],
    disputes: Iterable[Dispute],
    proofs: Iterable[PaymentProof] = (),
) -> Facts:
    """Return what these rows of an order come to, in whatever order they are given."""
    received = {payment.id: payment.amount_minor for payment in payments}
    succeeded = [refund for refund in refunds if refund.status is RefundStatus.SUCCEEDED]
    gone: Counter[uuid.UUID] = Counter()
    for refund in succeeded:
        gone[refund.payment_id] += refund.amount_minor
    is_refunded = bool(received) and all(gone[id_] >= amount for id_, amount in received.items())
    states = {dispute.status for dispute in disputes}
    looked_at = {proof.status for proof in proofs}
    return Facts(
        is_complete=order.total_minor == 0 and order.paid_at is not None,
        has_money=bool(received),
        is_refunded=is_refunded,
        ends_access=any(_takes_course(refund, is_whole=is_refunded) for refund in succeeded),
        dispute=next((status for status in _WORST_FIRST if status in states), None),
        is_held=order.hold_reason is not None and order.held_released_at is None,
        ended_as=order.ended_as,
        has_pending_proof=ProofStatus.PENDING in looked_at,
        was_proof_rejected=ProofStatus.REJECTED in looked_at,
        provisional_ends_at=order.provisional_ends_at,
    )


def _takes_course(refund: Refund, *, is_whole: bool) -> bool:
    """Say whether a refund ends access: as staff chose, or when all went back elsewhere."""
    return is_whole if refund.requested_by_id is None else refund.ends_access


def _all(table: type[Row], order_id: uuid.UUID) -> Sequence[Row]:
    return db.session.scalars(select(table).where(table.order_id == order_id)).all()
