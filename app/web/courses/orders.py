"""One's own orders: the list, and the page of one, to which gateways lead back."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.clock import utcnow
from app.domain.checkout import orders
from app.domain.checkout.methods import TRANSFER
from app.domain.checkout.models import OrderStatus
from app.domain.checkout.order_views import view_of, views_of
from app.errors import AlreadyOwned, CheckoutRefused, GatewayRefused, GatewayUnavailable
from app.web.access import require_signed_in
from app.web.courses import blueprint, checkout_acts, checkout_limits
from app.web.courses.checkout import go_on
from app.web.paging import read_page


@blueprint.get("/account/orders", endpoint="orders")
def list_own_orders() -> str:
    """Show one's own orders, newest first."""
    person = require_signed_in()
    page = read_page(lambda after, limit: orders.list_for(person.id, after, limit))
    views = views_of(page.items)
    return render_template("courses/orders.html", views=views, next_cursor=page.next_cursor)


@blueprint.get("/orders/<uuid:order_id>")
def order(order_id: UUID) -> str:
    """Show where one's own order stands and what to do next; scripts poll it until it is settled.

    `?returned=1` is how a gateway leads back from a payment. It proves nothing.
    """
    person = require_signed_in()
    shown = view_of(orders.order_for(person.id, order_id))
    is_back = "returned" in request.args
    return render_template(
        "courses/order.html",
        shown=shown,
        order=shown.order,
        is_over=shown.is_open and shown.order.expires_at <= utcnow(),
        is_verifying=shown.is_open and is_back and shown.order.method != TRANSFER,
    )


@blueprint.post("/orders/<uuid:order_id>/pay")
def pay(order_id: UUID) -> ResponseReturnValue:
    """Go on to pay an own open order, wherever it was left."""
    person = require_signed_in()
    checkout_limits.count_checkout(person.id)
    try:
        return go_on(checkout_acts.begin(person.id, order_id))
    except AlreadyOwned as owned:
        slug = orders.order_for(person.id, order_id).course.slug
        flash(gettext(owned.detail), "info")
        return redirect(url_for("courses.show", slug=slug), 303)
    except (GatewayUnavailable, GatewayRefused) as trouble:
        flash(gettext(trouble.detail), "danger")
    return _back_to(order_id)


@blueprint.post("/orders/<uuid:order_id>/verify")
def verify(order_id: UUID) -> ResponseReturnValue:
    """Have the gateway asked what became of an own order: the way without JavaScript."""
    person = require_signed_in()
    settled = checkout_acts.verify(person, order_id)
    if settled.status is OrderStatus.OPEN:
        flash(gettext("The payment has not arrived yet."), "info")
        back = url_for("courses.order", order_id=order_id, returned=1)
        return redirect(back, 303)
    return _back_to(order_id)


@blueprint.post("/orders/<uuid:order_id>/cancel")
def cancel_order(order_id: UUID) -> ResponseReturnValue:
    """Cancel an own order that is not paid."""
    person = require_signed_in()
    try:
        ended = checkout_acts.cancel(person, order_id)
    except (CheckoutRefused, GatewayUnavailable, GatewayRefused) as trouble:
        flash(gettext(trouble.detail), "warn")
    else:
        if ended.status is OrderStatus.PAID:
            flash(gettext("The payment was quicker: the order is paid."), "info")
    return _back_to(order_id)


def _back_to(order_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("courses.order", order_id=order_id), 303)
