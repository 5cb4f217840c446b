"""Paying, as a page and its JSON twin do it: our rows first, then the gateway, then our rows.

No transaction is open while a gateway answers, so a killed process leaves an order that the next
request, or the worker, goes on with.
"""

import logging
from dataclasses import dataclass
from uuid import UUID

from app.current import integrations
from app.database import db
from app.domain.accounts.sessions import SignedIn
from app.domain.audit.actions import Action
from app.domain.checkout import buying, checking, fulfilment, orders
from app.domain.checkout.methods import FREE, TRANSFER
from app.domain.checkout.models import Order, OrderStatus
from app.domain.checkout.orders import AttemptOpen, Placed
from app.errors import (
    AlreadyOwned,
    CheckoutRefused,
    GatewayRefused,
    GatewayUnavailable,
)
from app.integrations.payments import Gateway, PaymentState, Report
from app.web import audit
from app.web.courses import checkout_limits

log = logging.getLogger("web")
ATTEMPTS = 3
# What may still turn out to be paid.
UNPAID = frozenset(
    {OrderStatus.OPEN, OrderStatus.FAILED, OrderStatus.CANCELLED, OrderStatus.EXPIRED}
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody sends to pay for a course: ids and a code, never an amount."""

    slug: str
    method: str
    coupon_code: str | None = None
    transfer_method_id: UUID | None = None
    idempotency_key: str | None = None
    consented: bool = False


def check_out(person: SignedIn, wanted: Wanted) -> Placed:
    """Place an order and begin its payment; an order of other terms is ended at its gateway first.

    Raises what `orders.place` does, TooManyRequests, GatewayUnavailable and GatewayRefused.
    """
    checkout_limits.count_checkout(person.id)
    for _ in range(ATTEMPTS):
        try:
            placed = _place(person, wanted)
        except AttemptOpen as other:
            db.session.rollback()
            _end_attempt(person.id, other.order_id)
            continue
        order = begin(person.id, placed.order.id)
        return Placed(order, placed.is_new, placed.is_repeat)
    raise CheckoutRefused


def _place(person: SignedIn, wanted: Wanted) -> Placed:
    placed = orders.place(
        person,
        wanted.slug,
        method=wanted.method,
        coupon_code=wanted.coupon_code,
        transfer_method_id=wanted.transfer_method_id,
        idempotency_key=wanted.idempotency_key,
        consented=wanted.consented,
        role=person.role,
    )
    if placed.is_new:
        order = placed.order
        audit.note(
            Action.ORDER_PLACED,
            subject=order.id,
            subject_kind="order",
            course=str(order.course_id),
            method=order.method,
            total_minor=order.total_minor,
            currency=order.currency,
        )
    db.session.commit()
    return placed


def begin(person_id: UUID, order_id: UUID) -> Order:
    """Have the gateway begin collecting an open order; one that has begun stays as it is.

    Raises NotFound, AlreadyOwned, GatewayUnavailable, and GatewayRefused, which ends the order.
    """
    order = orders.order_for(person_id, order_id)
    if order.status is not OrderStatus.OPEN or order.method == FREE:
        return order
    if buying.is_owner(person_id, order.course_id):
        raise AlreadyOwned
    if order.gateway_reference is not None:
        return order
    gateway, purchase = _gateway_of(order), orders.purchase_of(order)
    _leave_the_database()
    try:
        begun = gateway.begin(purchase)
    except GatewayRefused as refused:
        _settle(gateway, Report(PaymentState.FAILED, order_id, detail=refused.detail))
        raise
    order = orders.attach(order_id, begun)
    is_open = order.status is OrderStatus.OPEN
    db.session.commit()
    if not is_open:  # it was cancelled in another tab while the gateway began
        _end_attempt(person_id, order_id)
    return orders.order_for(person_id, order_id)


def cancel(person: SignedIn, order_id: UUID) -> Order:
    """End an own order that is not paid, at its gateway first; it may turn out to be paid.

    Raises NotFound, CheckoutRefused, GatewayUnavailable, GatewayRefused.
    """
    order = orders.order_for(person.id, order_id)
    if order.status is OrderStatus.OPEN and order.method in integrations.gateways:
        _end_attempt(person.id, order_id)
    else:
        order = orders.order_for(person.id, order_id, lock=True)
        _cancel_here(order)
        db.session.commit()
    return orders.order_for(person.id, order_id)


def verify(person: SignedIn, order_id: UUID) -> Order:
    """Ask the gateway what became of an own order that is not paid, at most every 5 seconds.

    Raises NotFound. A gateway that does not answer changes nothing.
    """
    order = orders.order_for(person.id, order_id)
    gateway = integrations.gateways.get(order.method)
    reference = order.gateway_reference
    if gateway is None or reference is None or order.status not in UNPAID:
        return order
    if not checkout_limits.may_ask_gateway(order_id):
        return order
    _leave_the_database()
    try:
        report = gateway.look_up(reference)
    except (GatewayUnavailable, GatewayRefused):
        log.warning("the gateway did not tell about an order", exc_info=True)
    else:
        checking.apply_checked(order_id, report)
        db.session.commit()
    return orders.order_for(person.id, order_id)


def _end_attempt(person_id: UUID, order_id: UUID) -> None:
    """Close an open order at its gateway, then here; money that arrived meanwhile pays it."""
    order = orders.order_for(person_id, order_id)
    gateway, reference = _gateway_of(order), order.gateway_reference
    purchase = orders.purchase_of(order)
    _leave_the_database()
    try:
        # One that was begun and not noted is begun again: the gateway names the same attempt.
        report = gateway.end(reference or gateway.begin(purchase).reference)
    except GatewayRefused as refused:
        if reference is not None:
            raise
        report = Report(PaymentState.FAILED, order_id, detail=refused.detail)
    if report.received is not None or report.state is PaymentState.PAID:
        _settle(gateway, report)
        return
    if report.state is PaymentState.OPEN and gateway.method != TRANSFER:
        raise CheckoutRefused("A payment for this order is under way. Wait until it has arrived.")
    _cancel_here(orders.order_for(person_id, order_id, lock=True))
    db.session.commit()


def _cancel_here(order: Order) -> None:
    was_open = order.status is OrderStatus.OPEN
    orders.cancel(order)
    if was_open:
        audit.note(Action.ORDER_CANCELLED, subject=order.id, subject_kind="order")


def _settle(gateway: Gateway, report: Report) -> None:
    fulfilment.apply(report, gateway.method)
    db.session.commit()


def _gateway_of(order: Order) -> Gateway:
    gateway = integrations.gateways.get(order.method)
    if gateway is None:  # its key was taken out of the settings since
        raise GatewayUnavailable
    return gateway


def _leave_the_database() -> None:
    db.session.commit()
    db.session.remove()
