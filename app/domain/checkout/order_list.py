"""Orders as staff looks them up: by number, buyer or payment, newest first; and their refunds."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, cast, exists, or_, select, tuple_
from sqlalchemy.orm import contains_eager

from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout import coupons
from app.domain.checkout.models import Order, OrderStatus, Payment, Refund, RefundStatus
from app.domain.checkout.order_views import OrderView, views_of
from app.domain.courses.models import Course
from app.errors import NotFound

After = tuple[datetime, uuid.UUID] | None


@dataclass(frozen=True, slots=True)
class OrdersWanted:
    """What a list of orders is narrowed by.

    `text` is a part of the buyer's name or address, or all of an order's number, of an id, of a
    coupon's code, or of what the gateway calls the attempt or the payment.
    """

    text: str = ""
    status: OrderStatus | None = None
    method: str | None = None
    course_id: uuid.UUID | None = None
    user_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order as it is shown, and its buyer."""

    view: OrderView
    name: str
    email: str

    @property
    def order(self) -> Order:
        """Return the order itself."""
        return self.view.order

    @property
    def id(self) -> uuid.UUID:
        """Return the order's id."""
        return self.view.order.id

    @property
    def created_at(self) -> datetime:
        """Return when it was placed."""
        return self.view.order.created_at


@dataclass(frozen=True, slots=True)
class RefundRow:
    """A refund and the order it is of."""

    refund: Refund
    number: str

    @property
    def id(self) -> uuid.UUID:
        """Return the refund's id."""
        return self.refund.id

    @property
    def created_at(self) -> datetime:
        """Return when it was asked for."""
        return self.refund.created_at


_ROWS: Select[*tuple[Any, ...]] = (
    select(Order, User.name, User.email)
    .join(Course, Course.id == Order.course_id)
    .join(User, User.id == Order.user_id)
    .options(contains_eager(Order.course))
    .execution_options(populate_existing=True)
)


def list_orders(wanted: OrdersWanted, after: After, limit: int) -> list[OrderRow]:
    """Return orders, newest first, those behind the position `after`."""
    statement = _ROWS.where(*_narrowed(wanted))
    if after is not None:
        statement = statement.where(tuple_(Order.created_at, Order.id) < tuple_(*after))
    statement = statement.order_by(Order.created_at.desc(), Order.id.desc()).limit(limit)
    return _rows(statement)


def get_order(order_id: uuid.UUID) -> OrderRow:
    """Return one order. Raises NotFound."""
    found = _rows(_ROWS.where(Order.id == order_id))
    if not found:
        raise NotFound
    return found[0]


def list_refunds(
    order_id: uuid.UUID | None, status: RefundStatus | None, after: After, limit: int
) -> list[RefundRow]:
    """Return refunds, newest first, those behind the position `after`."""
    statement = select(Refund, Order.number).join(Order, Order.id == Refund.order_id)
    if order_id is not None:
        statement = statement.where(Refund.order_id == order_id)
    if status is not None:
        statement = statement.where(Refund.status == status)
    if after is not None:
        statement = statement.where(tuple_(Refund.created_at, Refund.id) < tuple_(*after))
    statement = statement.order_by(Refund.created_at.desc(), Refund.id.desc()).limit(limit)
    return [RefundRow(*found) for found in db.session.execute(statement)]


def _rows(statement: Select[*tuple[Any, ...]]) -> list[OrderRow]:
    found = db.session.execute(statement).all()
    views = views_of([order for order, _, _ in found])
    return [
        OrderRow(view, name, email) for view, (_, name, email) in zip(views, found, strict=True)
    ]


def _narrowed(wanted: OrdersWanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.status is not None:
        conditions.append(Order.status == wanted.status)
    if wanted.method is not None:
        conditions.append(Order.method == wanted.method)
    if wanted.course_id is not None:
        conditions.append(Order.course_id == wanted.course_id)
    if wanted.user_id is not None:
        conditions.append(Order.user_id == wanted.user_id)
    if wanted.text:
        conditions.append(_matches(wanted.text))
    return conditions


def _matches(text: str) -> ColumnElement[bool]:
    """All of a number, an id or a gateway's name, or a part of who bought, in any case."""
    try:
        wanted = uuid.UUID(text)
    except ValueError:
        pass
    else:
        return or_(Order.id == wanted, Order.user_id == wanted)
    paid = exists().where(Payment.order_id == Order.id, Payment.gateway_payment_id == text)
    return or_(
        Order.number == "".join(text.split()).replace("-", "").upper(),
        Order.coupon_code == coupons.normal(text),
        Order.gateway_reference == text,
        paid,
        User.name.icontains(text, autoescape=True),
        cast(User.email, Text).icontains(text, autoescape=True),
    )
