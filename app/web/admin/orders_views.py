"""Orders and what belongs to them, as the JSON of the administration has them."""

from typing import Any

from app.domain.checkout.models import Dispute, Payment, Refund, WebhookEvent
from app.domain.checkout.order_file import Entry, OrderFile
from app.domain.checkout.order_list import OrderRow
from app.domain.checkout.transfer_models import PaymentProof
from app.web.order_json import order_json


def order_view(row: OrderRow) -> dict[str, Any]:
    """Return an order and its buyer."""
    order = row.order
    own = ("course_id", "hold_reason", "held_released_at", "ended_as", "ended_at")
    return {
        **order_json(row.view),
        "customer": {"id": order.user_id, "name": row.name, "email": row.email},
        **{name: getattr(order, name) for name in own},
    }


def file_view(file: OrderFile) -> dict[str, Any]:
    """Return an order with all its facts."""
    left = {each.payment_id: 0 if each.is_disputed else each.left_minor for each in file.refundable}
    return {
        "order": order_view(file.row),
        "has_access": file.has_access,
        "payments": [_payment(fact, left.get(fact.id, 0)) for fact in file.payments],
        "refunds": [refund_view(fact) for fact in file.refunds],
        "disputes": [_picked(fact, _DISPUTE) for fact in file.disputes],
        "proofs": [_picked(fact, _PROOF) for fact in file.proofs],
        "events": [_picked(fact, _EVENT) for fact in file.events],
        "timeline": [_entry(entry) for entry in file.entries],
    }


def refund_view(refund: Refund) -> dict[str, Any]:
    """Return a refund."""
    names = ("id", "order_id", "payment_id", "status")
    rest = ("gateway_refund_id", "requested_by_id", "created_at", "settled_at")
    return {
        **_picked(refund, names),
        "amount": _amount(refund.amount_minor, refund.currency),
        "ends_access": refund.ends_access,
        "reason": refund.reason,
        "error": refund.error_detail,
        **_picked(refund, rest),
    }


_DISPUTE = (
    "id", "payment_id", "gateway_dispute_id", "status", "amount_minor", "opened_at", "closed_at",
)  # fmt: skip
_PROOF = ("id", "status", "reference", "reject_reason", "created_at", "reviewed_at")
_EVENT = ("event_id", "type", "outcome", "detail", "created_at", "received_at")


def _payment(payment: Payment, left_minor: int) -> dict[str, Any]:
    return {
        **_picked(payment, ("id", "gateway", "gateway_payment_id")),
        "amount": _amount(payment.amount_minor, payment.currency),
        "refundable": _amount(left_minor, payment.currency),
        **_picked(payment, ("received_at", "recorded_by_id")),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    has_amount = entry.amount_minor is not None
    return {
        "at": entry.at,
        "what": entry.what,
        "amount": _amount(entry.amount_minor, entry.currency) if has_amount else None,
        "by": entry.by,
        "detail": entry.detail,
    }


def _amount(minor: int | None, currency: str | None) -> dict[str, Any]:
    return {"amount_minor": minor, "currency": currency}


def _picked(
    fact: Refund | Payment | Dispute | PaymentProof | WebhookEvent, names: tuple[str, ...]
) -> dict[str, Any]:
    return {name: getattr(fact, name) for name in names}
