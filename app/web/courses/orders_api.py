"""JSON twins of the checkout and of one's own orders."""

from typing import Annotated, Any
from uuid import UUID

from flask import Response, jsonify, request
from pydantic import BaseModel, Field, StringConstraints

from app.domain.checkout import orders
from app.domain.checkout.models import Order
from app.domain.checkout.order_views import view_of, views_of
from app.web.access import require_signed_in
from app.web.courses import blueprint, checkout_acts
from app.web.courses.checkout_acts import Wanted
from app.web.json import Body, read_body
from app.web.openapi import describe
from app.web.order_json import OrderDocument, order_json
from app.web.paging import MAX_PAGE_SIZE, PAGE_SIZE, read_page


class CheckOut(Body):
    """How to pay: `card` or `transfer`, to the first account on offer unless another is named.

    Prices are looked up.
    """

    method: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    coupon: Annotated[str, StringConstraints(max_length=100)] | None = None
    transfer_method_id: Annotated[UUID, Field(strict=False)] | None = None


class Nothing(Body):
    """An empty object."""


class PlacedDocument(BaseModel):
    """The order that was placed, or the one under way; pay it at `redirect_url` if there is one."""

    order: OrderDocument
    redirect_url: str | None = None


class AnOrderDocument(BaseModel):
    """One order."""

    order: OrderDocument


class OrdersDocument(BaseModel):
    """A page of one's own orders, newest first."""

    items: list[OrderDocument]
    next_cursor: str | None


class OrdersQuery(BaseModel):
    """Where to go on, and how many to list."""

    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)] = PAGE_SIZE


@blueprint.post("/api/checkout/<slug>")
@describe({200: PlacedDocument, 201: PlacedDocument}, body=CheckOut)
def check_out_by_program(slug: str) -> tuple[Response, int]:
    """Order a course: 201, also for a repeat under the same `Idempotency-Key`.

    200 with the own order that is under way for it already, unchanged. 409 ALREADY_OWNED,
    SOLD_OUT or CHECKOUT_REFUSED, 422 COUPON_INVALID or IDEMPOTENCY_KEY_REUSED. Calling this is
    the consent to the terms. Nothing that a client says changes the price.
    """
    person = require_signed_in()
    asked = read_body(CheckOut)
    wanted = Wanted(
        slug,
        asked.method,
        asked.coupon,
        asked.transfer_method_id,
        request.headers.get("Idempotency-Key"),
        consented=True,
    )
    placed = checkout_acts.check_out(person, wanted)
    answer = order_json(view_of(placed.order))
    status = 201 if placed.is_new or placed.is_repeat else 200
    return jsonify(order=answer, redirect_url=answer["redirect_url"]), status


@blueprint.get("/api/orders")
@describe({200: OrdersDocument}, query=OrdersQuery)
def list_orders() -> Response:
    """List one's own orders, newest first."""
    person = require_signed_in()
    page = read_page(lambda after, limit: orders.list_for(person.id, after, limit))
    items = [order_json(view) for view in views_of(page.items)]
    return jsonify(items=items, next_cursor=page.next_cursor)


@blueprint.get("/api/orders/<uuid:order_id>")
@describe({200: AnOrderDocument})
def get_order(order_id: UUID) -> Response:
    """Return one's own order."""
    person = require_signed_in()
    return jsonify(_answer(orders.order_for(person.id, order_id)))


@blueprint.post("/api/orders/<uuid:order_id>/verify")
@describe({200: AnOrderDocument}, body=Nothing)
def verify_order(order_id: UUID) -> Response:
    """Have the gateway asked now what became of one's own order, at most every 5 seconds."""
    person = require_signed_in()
    _read_nothing()
    return jsonify(_answer(checkout_acts.verify(person, order_id)))


@blueprint.post("/api/orders/<uuid:order_id>/cancel")
@describe({200: AnOrderDocument}, body=Nothing)
def cancel_order_by_program(order_id: UUID) -> Response:
    """Cancel one's own order that is not paid; 409 CHECKOUT_REFUSED once money is on its way.

    It may answer with a paid order: the money was quicker.
    """
    person = require_signed_in()
    _read_nothing()
    return jsonify(_answer(checkout_acts.cancel(person, order_id)))


def _read_nothing() -> None:
    if request.content_length:
        read_body(Nothing)


def _answer(order: Order) -> dict[str, Any]:
    return {"order": order_json(view_of(order))}
