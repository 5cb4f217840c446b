"""Writing down what a gateway tells of money: payments, refunds, disputes. Facts only add up.

The caller holds the order's lock and settles the order afterwards.
"""

import uuid
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.clock import utcnow
from app.database import db
from app.domain.checkout.models import (
    Dispute,
    DisputeStatus,
    Order,
    Payment,
    Refund,
    RefundStatus,
)
from app.integrations.payments import (
    Disputed,
    DisputeState,
    Received,
    RefundMade,
    RefundState,
)

MAX_DETAIL_LENGTH = 300
_REFUND_STATUSES = {
    RefundState.PENDING: RefundStatus.REQUESTED,
    RefundState.SUCCEEDED: RefundStatus.SUCCEEDED,
    RefundState.FAILED: RefundStatus.FAILED,
}
_DISPUTE_STATUSES = {
    DisputeState.OPEN: DisputeStatus.OPEN,
    DisputeState.WON: DisputeStatus.WON,
    DisputeState.LOST: DisputeStatus.LOST,
}
# A gateway may tell of a step after the one that followed it. Money that was on its way back and
# came to us again has failed; of a dispute's two ends the worse one counts.
_REFUND_STEPS = (RefundStatus.REQUESTED, RefundStatus.SUCCEEDED, RefundStatus.FAILED)
_DISPUTE_STEPS = (DisputeStatus.OPEN, DisputeStatus.WON, DisputeStatus.LOST)


def find_payment(gateway: str, payment_id: str) -> Payment | None:
    """Find a payment by its gateway's name for it."""
    return db.session.scalars(
        select(Payment).where(Payment.gateway == gateway, Payment.gateway_payment_id == payment_id)
    ).first()


def add_payment(
    order: Order,
    gateway: str,
    payment_id: str,
    amount_minor: int,
    currency: str,
    by: uuid.UUID | None,
) -> Payment | None:
    """Record money that arrived; None when it was recorded before."""
    # The same event may arrive twice at once, and its payment by the return page as well: the
    # unique key lets one row in.
    new_id = db.session.scalar(
        insert(Payment)
        .values(
            id=uuid.uuid4(),
            order_id=order.id,
            gateway=gateway,
            gateway_payment_id=payment_id,
            amount_minor=amount_minor,
            currency=currency,
            received_at=utcnow(),
            recorded_by_id=by,
        )
        .on_conflict_do_nothing(index_elements=["gateway", "gateway_payment_id"])
        .returning(Payment.id)
    )
    return None if new_id is None else db.session.get_one(Payment, new_id)


def list_payments(order_id: uuid.UUID) -> Sequence[Payment]:
    """Return the payments of an order, the earliest first."""
    return db.session.scalars(
        select(Payment)
        .where(Payment.order_id == order_id)
        .order_by(Payment.received_at, Payment.id)
    ).all()


def add_refunds(payment: Payment, received: Received) -> list[str]:
    """Record the refunds that a gateway tells of; say what was new."""
    news = [add_refund(payment, made) for made in received.refunds]
    return [line for line in news if line is not None]


def add_disputes(payment: Payment, received: Received) -> list[Dispute]:
    """Record the disputes that a gateway tells of; return what is new, or new about them."""
    told = [_add_dispute(payment, disputed) for disputed in received.disputes]
    return [dispute for dispute in told if dispute is not None]


def refunded_minor(payment_id: uuid.UUID) -> int:
    """Return how much of a payment went back, as far as it is recorded here."""
    return (
        db.session.scalar(
            select(func.coalesce(func.sum(Refund.amount_minor), 0)).where(
                Refund.payment_id == payment_id, Refund.status == RefundStatus.SUCCEEDED
            )
        )
        or 0
    )


def add_refund(payment: Payment, made: RefundMade) -> str | None:
    """Record one refund of a payment, ours or one made at the gateway; say what was new."""
    refund = _find_refund(payment, made)
    status = _REFUND_STATUSES[made.state]
    if refund is None:
        refund = Refund(
            id=uuid.uuid4(),
            order_id=payment.order_id,
            payment_id=payment.id,
            status=RefundStatus.REQUESTED,
            amount_minor=made.amount_minor,
            currency=payment.currency,
            gateway_refund_id=made.gateway_refund_id,
        )
        db.session.add(refund)
        is_new = True
    else:
        is_new = False
        refund.gateway_refund_id = refund.gateway_refund_id or made.gateway_refund_id
    if _REFUND_STEPS.index(status) > _REFUND_STEPS.index(refund.status):
        refund.status, is_new = status, True
        refund.settled_at = None
        refund.error_detail = (made.detail or "")[:MAX_DETAIL_LENGTH] or None
    db.session.flush()
    return f"refund {made.gateway_refund_id} {refund.status.value}" if is_new else None


def _find_refund(payment: Payment, made: RefundMade) -> Refund | None:
    if made.refund_id is not None:
        ours = db.session.get(Refund, made.refund_id)
        if ours is not None and ours.payment_id == payment.id:
            return ours
    return db.session.scalars(
        select(Refund).where(
            Refund.payment_id == payment.id, Refund.gateway_refund_id == made.gateway_refund_id
        )
    ).first()


def _add_dispute(payment: Payment, disputed: Disputed) -> Dispute | None:
    dispute = db.session.scalars(
        select(Dispute).where(
            Dispute.gateway == payment.gateway, Dispute.gateway_dispute_id == disputed.dispute_id
        )
    ).first()
    status = _DISPUTE_STATUSES[disputed.state]
    is_new = dispute is None
    if dispute is None:
        dispute = Dispute(
            id=uuid.uuid4(),
            order_id=payment.order_id,
            payment_id=payment.id,
            gateway=payment.gateway,
            gateway_dispute_id=disputed.dispute_id,
            status=status,
            amount_minor=disputed.amount_minor,
        )
        db.session.add(dispute)
    elif _DISPUTE_STEPS.index(status) > _DISPUTE_STEPS.index(dispute.status):
        dispute.status, is_new = status, True
    if dispute.status is not DisputeStatus.OPEN:
        dispute.closed_at = dispute.closed_at or utcnow()
    db.session.flush()
    return dispute if is_new else None
