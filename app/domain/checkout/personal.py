"""What selling knows of one person: for their export, and what of it stays when they go.

Orders, payments and refunds are the books: they stay with the nameless row of the account, as the
law of most countries asks. The pictures and references of transfers go, and what gateways wrote.
"""

import uuid
from typing import Any

from sqlalchemy import exists, func, or_, select, update

from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout import fulfilment
from app.domain.checkout.models import (
    EndReason,
    Order,
    OrderStatus,
    Payment,
    Refund,
    RefundStatus,
    WebhookEvent,
)
from app.domain.checkout.transfer_models import PaymentProof
from app.domain.courses import personal as courses
from app.errors import DeletionRefused

_ORDER = (
    Order.number, Order.course_title.label("course"), Order.status, Order.method,
    Order.list_price_minor, Order.discount_minor, Order.total_minor, Order.currency,
    Order.coupon_code, Order.consented_at, Order.created_at, Order.paid_at, Order.ended_at,
    Order.provisional_ends_at,
)  # fmt: skip
_MONEY = (
    Payment.gateway.label("method"), Payment.gateway_payment_id.label("reference"),
    Payment.amount_minor, Payment.currency, Payment.received_at,
)  # fmt: skip
_BACK = (
    Refund.status, Refund.amount_minor, Refund.currency, Refund.ends_access, Refund.created_at,
    Refund.settled_at,
)  # fmt: skip
_SHOWN = (
    PaymentProof.status, PaymentProof.reference, PaymentProof.content_type,
    PaymentProof.size_bytes, PaymentProof.sha256, PaymentProof.created_at,
    PaymentProof.reviewed_at, PaymentProof.reject_reason,
)  # fmt: skip
_UNSETTLED = (OrderStatus.HELD, OrderStatus.UNDER_REVIEW, OrderStatus.DISPUTED)


def export_of(user_id: uuid.UUID) -> dict[str, Any]:
    """Return a person's orders, payments, refunds and proofs of transfers."""
    own = Order.user_id == user_id
    number = Order.number.label("order")
    money = select(number, *_MONEY).join(Order, Order.id == Payment.order_id)
    back = select(number, *_BACK).join(Order, Order.id == Refund.order_id)
    shown = select(number, *_SHOWN).join(Order, Order.id == PaymentProof.order_id)
    return {
        "orders": _rows(select(*_ORDER).where(own).order_by(Order.created_at)),
        "payments": _rows(money.where(own).order_by(Payment.received_at)),
        "refunds": _rows(back.where(own).order_by(Refund.created_at)),
        "payment-proofs": _rows(shown.where(own).order_by(PaymentProof.created_at)),
    }


def require_deletable(user: User) -> None:
    """Pass unless others depend on this person, or money of theirs is undecided.

    Raises DeletionRefused.
    """
    courses.require_deletable(user)
    asked_back = (
        select(Refund.id)
        .where(Refund.order_id == Order.id, Refund.status == RefundStatus.REQUESTED)
        .exists()
    )
    if db.session.scalar(
        select(
            exists().where(Order.user_id == user.id, or_(Order.status.in_(_UNSETTLED), asked_back))
        )
    ):
        raise DeletionRefused(
            "A payment of yours is still being looked at, or on its way back to you. Wait until "
            "it is settled, or write to us, then come back to delete your account."
        )


def erase(user_id: uuid.UUID) -> list[str]:
    """End what somebody who is gone had not paid, and forget how they paid the rest.

    Returns the storage folders of their proofs, to be removed after the commit. What a crash
    leaves of them is swept, for no row names them any more.
    """
    for order_id in db.session.scalars(
        select(Order.id)
        .where(Order.user_id == user_id, Order.status == OrderStatus.OPEN)
        .order_by(Order.id)
    ).all():
        fulfilment.end(fulfilment.lock(order_id), EndReason.CANCELLED)
    own = select(Order.id).where(Order.user_id == user_id).scalar_subquery()
    folders = db.session.scalars(
        select(PaymentProof.storage_key)
        .where(PaymentProof.order_id.in_(own), PaymentProof.storage_key != "")
        .order_by(PaymentProof.id)
    ).all()
    for statement in (
        update(PaymentProof)
        .where(PaymentProof.order_id.in_(own))
        .values(storage_key="", reference="", perceptual_hash=None),
        update(WebhookEvent).where(WebhookEvent.order_id.in_(own)).values(payload=""),
        update(Order).where(Order.user_id == user_id).values(redirect_url=None),
    ):
        db.session.execute(statement.execution_options(synchronize_session=False))
    return list(folders)


def proofs_in_use(order: str, names: set[str]) -> set[str]:
    """Return which folders of an order's proofs a row still names."""
    try:
        order_id = uuid.UUID(order)
    except ValueError:
        return set()
    folder = func.split_part(PaymentProof.storage_key, "/", 3)
    found = select(folder).where(PaymentProof.order_id == order_id, folder.in_(names))
    return set(db.session.scalars(found))


def _rows(statement: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in db.session.execute(statement).mappings()]
