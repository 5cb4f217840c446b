"""JSON of orders and refunds: support looks them up, administrators give money back."""

from uuid import UUID

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue

from app.database import db
from app.domain.checkout import order_file, order_list
from app.domain.checkout.models import Refund
from app.domain.checkout.order_list import OrderRow, OrdersWanted
from app.domain.checkout.refunds import Wish
from app.errors import InvalidInput
from app.web.admin import acts, blueprint, order_acts
from app.web.admin.orders_schemas import (
    NewRefund,
    OrdersQuery,
    RefundsQuery,
    StaffOrderDocument,
    StaffOrdersDocument,
    StaffRefundDocument,
    StaffRefundsDocument,
)
from app.web.admin.orders_views import file_view, order_view, refund_view
from app.web.admin.paging import Page, read_page
from app.web.admin.queries import read_query
from app.web.admin.users_schemas import Nothing
from app.web.json import read_body
from app.web.openapi import describe


def read_wanted() -> OrdersWanted:
    """Return what the address narrows the orders by. Raises InvalidInput."""
    query = read_query(OrdersQuery)
    text = query.q.replace("\0", "\ufffd")
    return OrdersWanted(text, query.status, query.method, query.course_id, query.user_id)


def read_orders() -> Page[OrderRow]:
    """Return the orders the address asks for. Raises InvalidInput."""
    wanted = read_wanted()
    return read_page(lambda after, limit: order_list.list_orders(wanted, after, limit))


@blueprint.get("/api/admin/orders")
@describe({200: StaffOrdersDocument}, query=OrdersQuery)
def list_orders() -> Response:
    """List orders, newest first."""
    acts.require_supporter()
    page = read_orders()
    return jsonify(items=[order_view(row) for row in page.items], next_cursor=page.next_cursor)


@blueprint.get("/api/admin/orders/<uuid:order_id>")
@describe({200: StaffOrderDocument})
def get_order(order_id: UUID) -> Response:
    """Return an order with all its facts, and what happened when."""
    acts.require_supporter()
    return jsonify(**file_view(order_file.open_file(order_id)))


@blueprint.post("/api/admin/orders/<uuid:order_id>/release")
@describe({200: StaffOrderDocument}, body=Nothing)
def release_order(order_id: UUID) -> Response:
    """Let a held order pass, so that it opens its course."""
    order_acts.require_cashier()
    read_body(Nothing)
    order_acts.release(order_id)
    return jsonify(**file_view(order_file.open_file(order_id)))


@blueprint.get("/api/admin/refunds")
@describe({200: StaffRefundsDocument}, query=RefundsQuery)
def list_refunds() -> Response:
    """List refunds, newest first."""
    acts.require_supporter()
    query = read_query(RefundsQuery)
    page = read_page(
        lambda after, limit: order_list.list_refunds(query.order_id, query.status, after, limit)
    )
    items = [refund_view(row.refund) for row in page.items]
    return jsonify(items=items, next_cursor=page.next_cursor)


@blueprint.post("/api/admin/refunds")
@describe({201: StaffRefundDocument}, body=NewRefund)
def create_refund() -> ResponseReturnValue:
    """Give money back; the same Idempotency-Key gives the same refund, however often it is sent.

    A refund that is still `requested` is on its way: the gateway did not answer yet.
    """
    order_acts.require_cashier()
    body = read_body(NewRefund)
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        remedy = "Send a header Idempotency-Key, so that a repeated request refunds once."
        raise InvalidInput({"Idempotency-Key": remedy})
    wish = Wish(
        body.order_id, body.amount_minor, body.ends_access, body.reason, key, body.payment_id
    )
    refund_id = order_acts.refund(wish)
    made = db.session.get_one(Refund, refund_id, populate_existing=True)
    return jsonify(refund=refund_view(made)), 201
