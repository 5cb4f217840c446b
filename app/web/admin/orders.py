"""The pages about orders: the list, one of them, giving money back, letting a held one pass."""

from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.current import integrations
from app.database import db
from app.domain.accounts.models import Role
from app.domain.checkout import order_file
from app.domain.checkout.models import OrderStatus, Refund, RefundStatus
from app.domain.courses import roster
from app.errors import IdempotencyKeyReused, InvalidInput, RefundRefused
from app.web.access import require_signed_in
from app.web.admin import acts, blueprint, order_acts
from app.web.admin.forms import PlainForm
from app.web.admin.orders_api import read_orders
from app.web.admin.orders_schemas import OrdersQuery
from app.web.admin.paging import Page
from app.web.admin.queries import given
from app.web.admin.refund_forms import RefundForm, refundable_of


@blueprint.get("/admin/orders")
def orders() -> ResponseReturnValue:
    """List orders, newest first, narrowed by what is asked for."""
    acts.require_supporter()
    faults: dict[str, str] = {}
    try:
        page = read_orders()
    except InvalidInput as error:
        faults, page = error.fields, Page([], None)
    shown = render_template(
        "admin/orders.html",
        page=page,
        asked=given(OrdersQuery),
        faults=faults,
        courses=roster.list_choices(None),
        statuses=list(OrderStatus),
        methods=[*sorted(integrations.gateways), "free"],
        may_save=require_signed_in().role is Role.ADMIN,
    )
    return shown, 422 if faults else 200


@blueprint.get("/admin/orders/<uuid:order_id>")
def order(order_id: UUID) -> str:
    """Show an order, its facts and what may be done."""
    acts.require_supporter()
    return render_template(
        "admin/order.html",
        file=order_file.open_file(order_id),
        may_act=require_signed_in().role is Role.ADMIN,
    )


@blueprint.route("/admin/orders/<uuid:order_id>/refund", methods=["GET", "POST"])
def order_refund(order_id: UUID) -> ResponseReturnValue:
    """Say what giving money back brings about, and do it once that is confirmed."""
    order_acts.require_cashier()
    file = order_file.open_file(order_id)
    form = RefundForm()
    form.offer(file)
    if form.validate_on_submit() and (wish := form.wish(order_id)) is not None:
        try:
            refund_id = order_acts.refund(wish)
        except InvalidInput as error:
            db.session.rollback()
            form.blame(error.fields)
        except (RefundRefused, IdempotencyKeyReused) as error:
            db.session.rollback()
            form.blame({"": error.detail})
        else:
            _tell(refund_id)
            return redirect(url_for("admin.order", order_id=order_id), 303)
        file = order_file.open_file(order_id)
    page = render_template(
        "admin/order_refund.html", file=file, form=form, refundable=refundable_of(file)
    )
    return page, 422 if form.is_submitted() else 200


@blueprint.route("/admin/orders/<uuid:order_id>/release", methods=["GET", "POST"])
def order_release(order_id: UUID) -> ResponseReturnValue:
    """Say what letting a held order pass brings about, and do it once that is confirmed."""
    order_acts.require_cashier()
    if PlainForm().validate_on_submit():
        is_new = order_acts.release(order_id)
        done, before = gettext("The course is open."), gettext("It was let pass before.")
        flash(done if is_new else before, "ok" if is_new else "info")
        return redirect(url_for("admin.order", order_id=order_id), 303)
    file = order_file.open_file(order_id)
    if file.row.order.status is not OrderStatus.HELD:
        flash(gettext("This order is not held."), "info")
        return redirect(url_for("admin.order", order_id=order_id), 303)
    return render_template("admin/order_release.html", file=file)


def _tell(refund_id: UUID) -> None:
    refund = db.session.get_one(Refund, refund_id, populate_existing=True)
    if refund.status is RefundStatus.SUCCEEDED:
        flash(gettext("The refund is made."), "ok")
    elif refund.status is RefundStatus.FAILED:
        reason = refund.error_detail or gettext("It gave no reason.")
        flash(gettext("The payment provider refused: %(reason)s", reason=reason), "danger")
    elif refund.gateway_refund_id is not None:
        flash(gettext("The payment provider is working on the refund."), "info")
    else:
        told = gettext("The payment provider did not answer. The refund is tried again by itself.")
        flash(told, "warn")
