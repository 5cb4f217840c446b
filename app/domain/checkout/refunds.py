"""Giving money back: asked for first, then done at the gateway, then settled; never too much."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import exists, func, select

from app.database import db
from app.domain.checkout import fulfilment, recording
from app.domain.checkout.models import (
    Dispute,
    DisputeStatus,
    Order,
    Payment,
    Refund,
    RefundStatus,
)
from app.domain.courses.charge import Maker
from app.domain.outbox import jobs
from app.errors import IdempotencyKeyReused, InvalidInput, NotFound, RefundRefused
from app.integrations.payments import RefundMade

REFUND_TASK = "payments.refund"
# Whoever asks for a refund also makes it; a job does so where that request was killed.
JOB_WAITS_SECONDS = 60
MAX_REASON = 300
MAX_ERROR = 300
MAX_KEY = 200


@dataclass(frozen=True, slots=True)
class Refundable:
    """A payment and what may still be given back of it; nothing while its payer disputes it."""

    payment_id: uuid.UUID
    gateway: str
    received_at: datetime
    received_minor: int
    left_minor: int
    currency: str
    is_disputed: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks to be given back. Without an amount: all that is left of the payment."""

    order_id: uuid.UUID
    amount_minor: int | None
    ends_access: bool
    reason: str
    idempotency_key: str | None
    payment_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """What a gateway is to be asked for, as values that outlive the transaction."""

    refund_id: uuid.UUID
    method: str
    payment_id: str
    amount_minor: int


def list_refundable(order_id: uuid.UUID) -> list[Refundable]:
    """Return the payments of an order, the newest first, with what is left of each."""
    given = (
        select(func.coalesce(func.sum(Refund.amount_minor), 0))
        .where(Refund.payment_id == Payment.id, Refund.status != RefundStatus.FAILED)
        .correlate(Payment)
        .scalar_subquery()
    )
    disputed = exists().where(Dispute.payment_id == Payment.id, Dispute.status != DisputeStatus.WON)
    rows = db.session.execute(
        select(
            Payment.id,
            Payment.gateway,
            Payment.received_at,
            Payment.amount_minor,
            func.greatest(Payment.amount_minor - given, 0),
            Payment.currency,
            disputed,
        )
        .where(Payment.order_id == order_id)
        .order_by(Payment.received_at.desc(), Payment.id)
    )
    return [Refundable(*row) for row in rows]


def request(
    admin: Maker,
    order_id: uuid.UUID,
    amount_minor: int | None,
    ends_access: bool,
    reason: str,
    idempotency_key: str | None,
    payment_id: uuid.UUID | None = None,
) -> Refund:
    """Ask for money of an order to go back: all that is left of a payment without an amount.

    The caller commits and then asks the gateway for `ask_of` the refund; a job does both where
    that never happens. The same key gives the same refund. Raises NotFound, InvalidInput,
    RefundRefused, IdempotencyKeyReused.
    """
    wish = Wish(order_id, amount_minor, ends_access, reason, idempotency_key, payment_id)
    return request_once(admin, wish)[0]


def request_once(admin: Maker, wish: Wish) -> tuple[Refund, bool]:
    """Do what `request` does; False when the key was used for this refund before."""
    # Two who refund at once would both find the whole sum left: the order's row makes them wait
    # for each other, and what is left is counted under its lock.
    fulfilment.lock(wish.order_id)
    reason = _reason(wish.reason)
    known = _find_by_key(wish.order_id, wish.idempotency_key)
    if known is not None:
        is_same = wish.amount_minor in (None, known.amount_minor) and wish.payment_id in (
            None,
            known.payment_id,
        )
        if not is_same or (known.ends_access, known.reason) != (wish.ends_access, reason):
            raise IdempotencyKeyReused
        return known, False
    payment, amount = _choose(wish.order_id, wish.amount_minor, wish.payment_id)
    refund = Refund(
        id=uuid.uuid4(),
        order_id=wish.order_id,
        payment_id=payment.payment_id,
        amount_minor=amount,
        currency=payment.currency,
        ends_access=wish.ends_access,
        reason=reason,
        idempotency_key=wish.idempotency_key,
        requested_by_id=admin.id,
    )
    db.session.add(refund)
    db.session.flush()
    jobs.enqueue(
        REFUND_TASK,
        queueing_lock=f"{REFUND_TASK} {refund.id}",
        delay_seconds=JOB_WAITS_SECONDS,
        refund_id=str(refund.id),
    )
    return refund, True


def ask_of(refund_id: uuid.UUID) -> Ask | None:
    """Return what to ask the gateway for; None once it knows of the refund. Raises NotFound."""
    row = db.session.execute(
        select(
            Refund.status, Refund.gateway_refund_id, Refund.amount_minor,
            Payment.gateway, Payment.gateway_payment_id,
        )
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.id == refund_id)
    ).first()  # fmt: skip
    if row is None:
        raise NotFound
    status, gateway_refund_id, amount_minor, method, payment_id = row
    if status is not RefundStatus.REQUESTED or gateway_refund_id is not None:
        return None
    return Ask(refund_id, method, payment_id, amount_minor)


def finish(refund_id: uuid.UUID, made: RefundMade) -> Refund:
    """Keep what the gateway made of a refund and what follows from it; again changes nothing.

    A pending one stays asked for until the gateway tells more. Raises NotFound.
    """
    order, refund = _lock_refund(refund_id)
    payment = db.session.get_one(Payment, refund.payment_id)
    recording.add_refund(payment, replace(made, refund_id=refund_id))
    fulfilment.settle(order)
    return refund


def fail(refund_id: uuid.UUID, detail: str) -> Refund:
    """Keep that the gateway refused a refund, unless it knows of it. Raises NotFound."""
    order, refund = _lock_refund(refund_id)
    if refund.status is RefundStatus.REQUESTED and refund.gateway_refund_id is None:
        refund.status = RefundStatus.FAILED
        refund.error_detail = detail[:MAX_ERROR] or None
        fulfilment.settle(order)
    return refund


def _lock_refund(refund_id: uuid.UUID) -> tuple[Order, Refund]:
    """Return a refund as it is under its order's lock."""
    order_id = db.session.scalar(select(Refund.order_id).where(Refund.id == refund_id))
    if order_id is None:
        raise NotFound
    order = fulfilment.lock(order_id)
    return order, db.session.get_one(Refund, refund_id, populate_existing=True)


def _find_by_key(order_id: uuid.UUID, key: str | None) -> Refund | None:
    if key is None:
        return None
    if not 0 < len(key) <= MAX_KEY or not key.isprintable():
        raise InvalidInput({"Idempotency-Key": f"Use 1 to {MAX_KEY} printable characters."})
    return db.session.scalars(
        select(Refund).where(Refund.order_id == order_id, Refund.idempotency_key == key)
    ).first()


def _reason(text: str) -> str:
    reason = " ".join(text.replace("\0", "").split())
    if not reason or len(reason) > MAX_REASON:
        raise InvalidInput({"reason": f"Say why, in at most {MAX_REASON} characters."})
    return reason


def _choose(
    order_id: uuid.UUID, amount_minor: int | None, payment_id: uuid.UUID | None
) -> tuple[Refundable, int]:
    """Return the payment to give back from, and how much. Raises InvalidInput, RefundRefused."""
    if amount_minor is not None and amount_minor <= 0:
        raise InvalidInput({"amount_minor": "Give an amount above zero, in minor units."})
    left = _left(order_id, payment_id)
    if amount_minor is None:
        if len(left) > 1:
            raise InvalidInput({"payment_id": "There are several payments. Name one of them."})
        return left[0], left[0].left_minor
    for payment in left:
        if amount_minor <= payment.left_minor:
            return payment, amount_minor
    raise RefundRefused(
        "This is more than is left of the payment. Give back at most what is left.",
        left_minor=max(payment.left_minor for payment in left),
    )


def _left(order_id: uuid.UUID, payment_id: uuid.UUID | None) -> list[Refundable]:
    """Return the payments something may be given back of. Raises InvalidInput, RefundRefused."""
    payments = list_refundable(order_id)
    if not payments:
        raise RefundRefused(
            "No money was received for this order. To end the access, remove the person from the"
            " course."
        )
    if payment_id is not None:
        payments = [payment for payment in payments if payment.payment_id == payment_id]
        if not payments:
            raise InvalidInput({"payment_id": "Name a payment of this order."})
    if all(payment.is_disputed for payment in payments):
        raise RefundRefused("The payer disputes this payment: their bank decides about the money.")
    left = [payment for payment in payments if payment.left_minor and not payment.is_disputed]
    if not left:
        raise RefundRefused("All of this payment went back already, or is on its way.")
    return left
