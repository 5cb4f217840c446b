"""What Stripe's objects mean to us: sessions, payments and events read into reports.

They are read as plain mappings, for an event comes in the version its endpoint was made with.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from app.integrations.payments import (
    Disputed,
    DisputeState,
    PaymentState,
    Received,
    RefundMade,
    RefundState,
    Report,
)

Object = Mapping[str, Any]

# Inquiries ("warning_…") count as disputes: the payer has asked the bank.
_DISPUTES = {
    "won": DisputeState.WON,
    "warning_closed": DisputeState.WON,
    "prevented": DisputeState.WON,
    "lost": DisputeState.LOST,
}
_REFUNDS = {
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}
_NAME = re.compile(r"[A-Za-z0-9_]{1,255}")


def name_of(value: Any) -> str | None:
    """Return the id of an object that may be given whole, as its id, or not at all."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


def uuid_in(item: Object, name: str) -> uuid.UUID | None:
    """Return one of our own ids from an object's metadata."""
    metadata = item.get("metadata")
    return _uuid(metadata.get(name)) if isinstance(metadata, Mapping) else None


def of_session(
    session: Object,
    refunds: Sequence[Object] = (),
    disputes: Sequence[Object] = (),
) -> Report:
    """Read a Checkout Session; its payment is read, too, as far as it is expanded."""
    intent = session.get("payment_intent")
    received = None
    if session.get("payment_status") == "paid":
        state = PaymentState.PAID
        if isinstance(intent, Mapping) and intent.get("status") == "succeeded":
            received = received_of(intent, refunds, disputes)
        else:
            received = _received(
                intent, session.get("amount_total"), session.get("currency"), refunds, disputes
            )
    elif session.get("status") == "expired":
        state = PaymentState.EXPIRED
    else:
        state = PaymentState.OPEN
    return Report(
        state,
        order_id=_uuid(session.get("client_reference_id")) or uuid_in(session, "order_id"),
        reference=name_of(session),
        payment_id=name_of(intent),
        received=received,
        detail=_trouble(intent),
    )


def of_intent(
    intent: Object,
    refunds: Sequence[Object] = (),
    disputes: Sequence[Object] = (),
    reference: str | None = None,
) -> Report:
    """Read a PaymentIntent. One that failed leaves its session open for another try."""
    is_paid = intent.get("status") == "succeeded"
    return Report(
        PaymentState.PAID if is_paid else PaymentState.OPEN,
        order_id=uuid_in(intent, "order_id"),
        reference=reference,
        payment_id=name_of(intent),
        received=received_of(intent, refunds, disputes) if is_paid else None,
        detail=_trouble(intent),
    )


def of_charge(charge: Object) -> Report | None:
    """Read a Charge that went through; None for any other."""
    payment = charge.get("payment_intent")
    if charge.get("status") != "succeeded" or name_of(payment) is None:
        return None
    listed = charge.get("refunds")
    refunds = listed.get("data") or () if isinstance(listed, Mapping) else ()
    amount = charge.get("amount_captured") or charge.get("amount")
    received = _received(
        payment, amount, charge.get("currency"), refunds, (), charge.get("amount_refunded")
    )
    return Report(
        PaymentState.PAID,
        order_id=uuid_in(charge, "order_id"),
        payment_id=name_of(payment),
        received=received,
    )


def received_of(
    intent: Object, refunds: Sequence[Object], disputes: Sequence[Object]
) -> Received | None:
    """Return the money of a payment that succeeded, with what became of it."""
    charge = intent.get("latest_charge")
    refunded = charge.get("amount_refunded") if isinstance(charge, Mapping) else None
    amount = intent.get("amount_received")
    return _received(intent, amount, intent.get("currency"), refunds, disputes, refunded)


def refund_of(refund: Object) -> RefundMade:
    """Read a Refund."""
    state = _REFUNDS.get(str(refund.get("status")), RefundState.PENDING)
    failure = refund.get("failure_reason")
    return RefundMade(
        name_of(refund) or "",
        state,
        _amount(refund.get("amount")),
        uuid_in(refund, "refund_id"),
        str(failure) if state is RefundState.FAILED and failure else None,
    )


def dispute_of(dispute: Object) -> Disputed:
    """Read a Dispute."""
    state = _DISPUTES.get(str(dispute.get("status")), DisputeState.OPEN)
    return Disputed(name_of(dispute) or "", state, _amount(dispute.get("amount")))


def _received(
    intent: Any,
    amount: Any,
    currency: Any,
    refunds: Sequence[Object],
    disputes: Sequence[Object],
    refunded: Any = None,
) -> Received | None:
    payment_id = name_of(intent)
    if payment_id is None or not _amount(amount) or not isinstance(currency, str):
        return None
    made = tuple(refund_of(refund) for refund in refunds)
    went = sum(refund.amount_minor for refund in made if refund.state is RefundState.SUCCEEDED)
    return Received(
        payment_id,
        _amount(amount),
        currency.upper(),
        # What is listed is exact; the charge's own figure counts refunds that may yet fail.
        went if made else _amount(refunded),
        made,
        tuple(dispute_of(dispute) for dispute in disputes),
    )


def _amount(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _trouble(intent: Any) -> str | None:
    """Return why the last attempt failed, in Stripe's code for it."""
    error = intent.get("last_payment_error") if isinstance(intent, Mapping) else None
    if not isinstance(error, Mapping):
        return None
    return str(error.get("decline_code") or error.get("code") or "failed")[:100]


def _uuid(value: Any) -> uuid.UUID | None:
    try:
        return uuid.UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
