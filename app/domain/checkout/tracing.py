"""What the audit trail is told of money. Each fact leaves one row, however often it is told."""

from typing import Any

from app.domain.audit import trail
from app.domain.audit.actions import Action
from app.domain.audit.trail import ActorKind, Event
from app.domain.checkout.models import Dispute, Order, Payment, Refund, RefundStatus


def paid(order: Order, payment: Payment | None) -> None:
    """Tell that an order is paid: by a payment that came just now, or for nothing."""
    _record(Action.ORDER_PAID, order, **(_money(payment) if payment is not None else {}))


def received(order: Order, payment: Payment, *, is_held: bool) -> None:
    """Tell of money that does not make an order paid: it is held, or came once more."""
    action = Action.ORDER_HELD if is_held else Action.PAYMENT_RECORDED
    reason = {"reason": order.hold_reason} if is_held else {}
    _record(action, order, **_money(payment), **reason)


def refunded(order: Order, refund: Refund) -> None:
    """Tell how a refund ended."""
    succeeded = refund.status is RefundStatus.SUCCEEDED
    _record(
        Action.REFUND_RECORDED if succeeded else Action.REFUND_FAILED,
        order,
        refund=refund.id,
        amount_minor=refund.amount_minor,
        currency=refund.currency,
    )


def disputed(order: Order, dispute: Dispute) -> None:
    """Tell of a dispute, and of its end."""
    _record(
        Action.ORDER_DISPUTED,
        order,
        dispute=dispute.gateway_dispute_id,
        status=dispute.status.value,
    )


def _money(payment: Payment) -> dict[str, Any]:
    return {
        "payment": payment.gateway_payment_id,
        "method": payment.gateway,
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
    }


def _record(action: Action, order: Order, **detail: Any) -> None:
    trail.record(
        Event(
            action=action,
            actor_kind=ActorKind.SYSTEM,
            subject_kind="order",
            subject_id=order.id,
            detail={"number": order.number, **detail},
        )
    )
