"""Orders and the facts about them as rows, for what only reads them."""

import itertools
import uuid
from datetime import timedelta
from typing import Any

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout.models import Order, OrderStatus, Payment, Refund, RefundStatus
from app.domain.courses.models import Course

_numbers = itertools.count(1)


def make_order(user: User, course: Course, total: int = 12_000, **values: Any) -> Order:
    """Add an open order of `course`; amounts follow from `total` unless they are given."""
    list_price = values.pop("list_price_minor", total)
    defaults: dict[str, Any] = {
        "id": uuid.uuid4(),
        "number": f"T{next(_numbers):07d}",
        "course_title": course.title,
        "method": "card",
        "discount_minor": list_price - total,
        "currency": "ETB",
        "consented_at": utcnow(),
        "expires_at": utcnow() + timedelta(hours=1),
    }
    order = Order(
        user_id=user.id,
        course_id=course.id,
        list_price_minor=list_price,
        total_minor=total,
        **{**defaults, **values},
    )
    db.session.add(order)
    db.session.commit()
    return order


def make_payment(order: Order, **values: Any) -> Payment:
    """Add the money of `order` as it was asked for; the order is paid from then on."""
    defaults: dict[str, Any] = {
        "gateway": order.method,
        "gateway_payment_id": f"pi_{uuid.uuid4().hex[:16]}",
        "amount_minor": order.total_minor,
        "currency": order.currency,
        "received_at": utcnow(),
    }
    payment = Payment(order_id=order.id, **{**defaults, **values})
    db.session.add(payment)
    order.status, order.paid_at = OrderStatus.PAID, payment.received_at
    db.session.commit()
    return payment


def make_refund(payment: Payment, amount: int, **values: Any) -> Refund:
    """Add money of `payment` that went back."""
    defaults: dict[str, Any] = {"status": RefundStatus.SUCCEEDED, "settled_at": utcnow()}
    refund = Refund(
        order_id=payment.order_id,
        payment_id=payment.id,
        amount_minor=amount,
        currency=payment.currency,
        **{**defaults, **values},
    )
    db.session.add(refund)
    db.session.commit()
    return refund
