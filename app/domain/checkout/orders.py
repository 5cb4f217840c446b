"""Orders: placing one, finding one's own, and what a gateway is told about them."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.checkout import buying, coupons, fulfilment, notices
from app.domain.checkout.methods import FREE, TRANSFER
from app.domain.checkout.models import LIVE_STATUSES, EndReason, Order, OrderStatus
from app.domain.checkout.numbers import new_number
from app.domain.checkout.wishes import Terms, Wish, terms_of, wish_for
from app.domain.courses import seats
from app.domain.courses.models import Course
from app.domain.outbox import mail
from app.errors import CheckoutRefused, IdempotencyKeyReused, InvalidInput, NotFound
from app.integrations.payments import Begun, Purchase

LASTS = timedelta(minutes=60)
TRANSFER_LASTS = timedelta(days=7)
FIRST_CHECK_AFTER = timedelta(seconds=20)
ATTEMPTS = 5
ENDED = frozenset({OrderStatus.FAILED, OrderStatus.CANCELLED, OrderStatus.EXPIRED})


class Buyer(Protocol):
    """Whoever buys: a user, or the person a request acts for."""

    @property
    def id(self) -> uuid.UUID: ...


class AttemptOpen(CheckoutRefused):
    """An order of other terms may still be paid at its gateway: it is ended there first."""

    def __init__(self, order_id: uuid.UUID) -> None:
        super().__init__("You began to pay for this course another way. Finish that, or cancel it.")
        self.order_id = order_id


@dataclass(frozen=True, slots=True)
class Placed:
    """An order, and whether this call made it; `is_repeat` when it repeats an earlier call."""

    order: Order
    is_new: bool
    is_repeat: bool = False


def place(
    user: Buyer,
    slug: str,
    *,
    method: str,
    coupon_code: str | None = None,
    transfer_method_id: uuid.UUID | None = None,
    idempotency_key: str | None = None,
    consented: bool,
    role: Role | None = None,
) -> Placed:
    """Order a course, or return the order that is under way for it.

    Raises what `buying.require_buyable` and `coupons.find` do, InvalidInput, CheckoutRefused,
    SoldOut, IdempotencyKeyReused, and AttemptOpen: then end that attempt and place again.
    """
    if not consented:
        raise InvalidInput({"consent": "Agree to the terms before you pay."})
    wish = wish_for(slug, method, coupon_code, transfer_method_id, idempotency_key)
    _lock(user.id)
    for _ in range(ATTEMPTS):
        repeated = _find_repeated(user.id, wish)
        if repeated is not None:
            return Placed(repeated, is_new=False, is_repeat=True)
        course = buying.find_course(user.id, slug, role)
        live = find_live(user.id, course.id, lock=True)
        if live is not None and not _gives_way(live, course, wish):
            return Placed(live, is_new=False)
        course = buying.require_buyable(user.id, slug, role)
        order = _insert(user.id, course, wish, terms_of(user.id, course, wish))
        if order is not None:
            return Placed(order, is_new=True)
    raise CheckoutRefused


def _lock(user_id: uuid.UUID) -> None:
    """Let one tab of a buyer order at a time: another would take their own coupon for used."""
    db.session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))


def _find_repeated(user_id: uuid.UUID, wish: Wish) -> Order | None:
    if wish.key is None:
        return None
    order = db.session.scalars(
        select(Order).where(Order.user_id == user_id, Order.idempotency_key == wish.key)
    ).first()
    if order is not None and order.fingerprint != wish.fingerprint:
        raise IdempotencyKeyReused
    return order


def _gives_way(live: Order, course: Course, wish: Wish) -> bool:
    """End an open order that is not what is wished for, or over; False where it stays.

    Raises AttemptOpen where its gateway has to be asked first.
    """
    now = utcnow()
    is_over = live.expires_at <= now
    if live.status is not OrderStatus.OPEN or (not is_over and wish.is_met_by(live, course)):
        return False
    if live.method not in (TRANSFER, FREE):
        raise AttemptOpen(live.id)
    fulfilment.end(live, EndReason.EXPIRED if is_over else EndReason.CANCELLED)
    return True


def _insert(user_id: uuid.UUID, course: Course, wish: Wish, terms: Terms) -> Order | None:
    """Add the order with its coupon and its seat; None when another request was quicker."""
    now = utcnow()
    method, account = terms.way.method, terms.way.account
    lasts = {TRANSFER: TRANSFER_LASTS, FREE: timedelta(0)}.get(method, LASTS)
    # Clicks, tabs and programs race here: the unique index of live orders lets one row in, and
    # whoever waited for it finds that order on the next turn. So does a repeated key.
    order_id = db.session.scalar(
        insert(Order)
        .values(
            number=new_number(),
            user_id=user_id,
            course_id=course.id,
            course_title=course.title,
            method=method,
            transfer_method_id=account.id if account else None,
            list_price_minor=terms.cost.list_minor,
            discount_minor=terms.cost.discount_minor,
            total_minor=terms.cost.total_minor,
            currency=terms.cost.currency,
            coupon_id=terms.coupon.id if terms.coupon else None,
            coupon_code=terms.coupon.code if terms.coupon else None,
            idempotency_key=wish.key,
            fingerprint=wish.fingerprint if wish.key else None,
            consented_at=now,
            created_at=now,
            expires_at=now + lasts,
            next_check_at=now + FIRST_CHECK_AFTER if method not in (TRANSFER, FREE) else None,
        )
        .on_conflict_do_nothing()
        .returning(Order.id)
    )
    if order_id is None:
        return None
    order = db.session.get_one(Order, order_id)
    if terms.coupon is not None:
        coupons.redeem(terms.coupon, user_id, order.id)
    seats.take(course.id, user_id, order.id)
    if terms.cost.is_free:
        fulfilment.complete_free(order)
    if account is not None:
        notices.tell_how_to_pay(order, account)
    return order


def find_live(user_id: uuid.UUID, course_id: uuid.UUID, *, lock: bool = False) -> Order | None:
    """Find the order for a course that somebody has under way; where asked, its row is locked."""
    statement = select(Order).where(
        Order.user_id == user_id, Order.course_id == course_id, Order.status.in_(LIVE_STATUSES)
    )
    if lock:
        statement = statement.with_for_update(key_share=True)
    return db.session.scalars(statement.execution_options(populate_existing=True)).first()


def order_for(user_id: uuid.UUID, order_id: uuid.UUID, *, lock: bool = False) -> Order:
    """Return somebody's own order with its course. Raises NotFound."""
    statement = (
        select(Order)
        .where(Order.id == order_id, Order.user_id == user_id)
        .options(joinedload(Order.course))
    )
    if lock:
        statement = statement.with_for_update(of=Order, key_share=True)
    order = db.session.scalars(statement.execution_options(populate_existing=True)).first()
    if order is None:
        raise NotFound
    return order


def list_for(
    user_id: uuid.UUID, after: tuple[datetime, uuid.UUID] | None = None, limit: int = 50
) -> list[Order]:
    """List somebody's orders with their courses, newest first, `after` the last one shown."""
    statement = select(Order).where(Order.user_id == user_id).options(joinedload(Order.course))
    if after is not None:
        statement = statement.where(tuple_(Order.created_at, Order.id) < after)
    newest = statement.order_by(Order.created_at.desc(), Order.id.desc()).limit(limit)
    return list(db.session.scalars(newest))


def cancel(order: Order) -> None:
    """End an open order by its buyer's wish; one that ended without money stays as it is.

    Its gateway has closed it before. Raises CheckoutRefused once money came or is looked at.
    """
    if order.status in ENDED:
        return
    if order.status is not OrderStatus.OPEN:
        raise CheckoutRefused("This order cannot be cancelled any more.")
    fulfilment.end(order, EndReason.CANCELLED)


def purchase_of(order: Order) -> Purchase:
    """Return what the gateway is to collect for `order`."""
    user = db.session.get_one(User, order.user_id)
    page = mail.absolute(f"/orders/{order.id}")
    return Purchase(
        order_id=order.id,
        number=order.number,
        title=order.course_title,
        amount_minor=order.total_minor,
        currency=order.currency,
        email=user.email,
        locale=user.locale,
        expires_at=order.expires_at,
        success_url=f"{page}?returned=1",
        cancel_url=page,
    )


def attach(order_id: uuid.UUID, begun: Begun) -> Order:
    """Note the attempt that a gateway began for an order. Raises NotFound."""
    # Two tabs may have begun it: the gateway named the same attempt to both.
    order = db.session.scalars(
        select(Order)
        .where(Order.id == order_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).first()
    if order is None:
        raise NotFound
    if order.gateway_reference is None:
        order.gateway_reference = begun.reference
        order.redirect_url = begun.redirect_url
        db.session.flush()
    return order
