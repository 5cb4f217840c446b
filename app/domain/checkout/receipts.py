"""Receipts: what somebody paid, what for, and what went back, in the reader's own language."""

import uuid
from datetime import datetime
from importlib import import_module

from sqlalchemy import select

from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout.models import (
    Dispute,
    DisputeStatus,
    Order,
    OrderStatus,
    Payment,
    Refund,
    RefundStatus,
)
from app.domain.checkout.receipt_facts import Movement, Receipt
from app.domain.checkout.receipt_words import page_of
from app.domain.checkout.transfer_models import PaymentProof, TransferMethod
from app.domain.site import choices
from app.errors import NotFound

_WENT_BACK = (OrderStatus.REFUNDED, OrderStatus.DISPUTED, OrderStatus.CHARGED_BACK)


def find(user_id: uuid.UUID, order_id: uuid.UUID) -> Order:
    """Return the person's own order that has a receipt.

    Raises NotFound for an unknown one, somebody else's, and one nobody paid for yet.
    """
    order = db.session.scalar(select(Order).where(Order.id == order_id, Order.user_id == user_id))
    if order is None or _dated(order, _payments(order_id)) is None:
        raise NotFound
    return order


def render(order: Order, locale: str | None = None, timezone: str | None = None) -> bytes:
    """Return the order's receipt as a PDF. Raises NotFound while nobody paid for it."""
    return draw(facts_of(order), locale, timezone)


def draw(receipt: Receipt, locale: str | None = None, timezone: str | None = None) -> bytes:
    """Return the receipt as a PDF; it takes about a fifth of a second and no database."""
    sheets = import_module("app.domain.checkout.receipt_sheets")
    drawn: bytes = sheets.draw(page_of(receipt, locale, timezone))
    return drawn


def facts_of(order: Order) -> Receipt:
    """Return what the order's receipt says. Raises NotFound while nobody paid for it."""
    payments = _payments(order.id)
    dated = _dated(order, payments)
    if dated is None:
        raise NotFound
    buyer = db.session.get_one(User, order.user_id)
    way = order.transfer_method_id and db.session.get(TransferMethod, order.transfer_method_id)
    site = choices.current()
    return Receipt(
        order_id=order.id,
        number=order.number,
        paid_at=dated,
        buyer_name=buyer.name,
        buyer_email=buyer.email,
        course_title=order.course_title,
        method=order.method,
        transfer_method=way.name if way else None,
        list_price_minor=order.list_price_minor,
        discount_minor=order.discount_minor,
        total_minor=order.total_minor,
        currency=order.currency,
        coupon_code=order.coupon_code,
        payments=payments,
        refunds=_refunds(order.id),
        charged_back_at=_charged_back_at(order.id),
        seller=site.name,
        seller_details=site.receipt_details,
        support_email=site.support_email,
    )


def _dated(order: Order, payments: tuple[Movement, ...]) -> datetime | None:
    """Return the day of the receipt, None while there is none.

    Money that was held and went back before anybody let it pass has one as well.
    """
    if order.paid_at is not None or order.status not in _WENT_BACK or not payments:
        return order.paid_at
    return payments[0].at


def _payments(order_id: uuid.UUID) -> tuple[Movement, ...]:
    rows = db.session.scalars(
        select(Payment)
        .where(Payment.order_id == order_id)
        .order_by(Payment.received_at, Payment.id)
    ).all()
    typed = {
        f"proof-{proof_id}": reference
        for proof_id, reference in db.session.execute(
            select(PaymentProof.id, PaymentProof.reference).where(PaymentProof.order_id == order_id)
        )
    }
    return tuple(
        Movement(
            row.received_at,
            row.amount_minor,
            row.currency,
            typed.get(row.gateway_payment_id, row.gateway_payment_id),
        )
        for row in rows
    )


def _refunds(order_id: uuid.UUID) -> tuple[Movement, ...]:
    rows = db.session.scalars(
        select(Refund)
        .where(Refund.order_id == order_id, Refund.status == RefundStatus.SUCCEEDED)
        .order_by(Refund.created_at, Refund.id)
    )
    return tuple(
        Movement(row.settled_at or row.created_at, row.amount_minor, row.currency) for row in rows
    )


def _charged_back_at(order_id: uuid.UUID) -> datetime | None:
    lost = db.session.scalar(
        select(Dispute)
        .where(Dispute.order_id == order_id, Dispute.status == DisputeStatus.LOST)
        .order_by(Dispute.opened_at)
        .limit(1)
    )
    return (lost.closed_at or lost.opened_at) if lost else None
