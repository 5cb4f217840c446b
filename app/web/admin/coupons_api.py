"""JSON of coupons: administrators see all, instructors those of their own courses."""

from typing import Any, cast
from uuid import UUID

from flask import Response, jsonify
from flask.typing import ResponseReturnValue

from app.domain.checkout import coupon_list
from app.domain.checkout.coupon_fields import CouponChanges
from app.domain.checkout.coupon_list import CouponRow, CouponWanted
from app.errors import InvalidInput
from app.web.admin import blueprint, coupon_acts, owner_scope
from app.web.admin.coupons_schemas import (
    CouponChange,
    CouponsQuery,
    NewCoupon,
    StaffCouponDocument,
    StaffCouponsDocument,
)
from app.web.admin.paging import Page, read_page
from app.web.admin.queries import read_query
from app.web.json import read_body
from app.web.openapi import describe

# These have no state of their own that null could mean.
_NEVER_NULL = ("code", "is_active", "note")


def read_coupons() -> Page[CouponRow]:
    """Return the coupons the address asks for. Raises InvalidInput."""
    query, owner_id = read_query(CouponsQuery), owner_scope()
    wanted = CouponWanted(query.q.replace("\0", "\ufffd"), query.course_id)
    return read_page(lambda after, limit: coupon_list.list_coupons(owner_id, wanted, after, limit))


@blueprint.get("/api/admin/coupons")
@describe({200: StaffCouponsDocument}, query=CouponsQuery)
def list_coupons() -> Response:
    """List coupons, newest first."""
    page = read_coupons()
    return jsonify(items=[_view(row) for row in page.items], next_cursor=page.next_cursor)


@blueprint.post("/api/admin/coupons")
@describe({201: StaffCouponDocument}, body=NewCoupon)
def create_coupon() -> ResponseReturnValue:
    """Make a coupon."""
    body = read_body(NewCoupon)
    changes = cast(CouponChanges, body.model_dump())
    return _document(coupon_acts.create(changes)), 201


@blueprint.get("/api/admin/coupons/<uuid:coupon_id>")
@describe({200: StaffCouponDocument})
def get_coupon(coupon_id: UUID) -> Response:
    """Return one coupon."""
    return _document(coupon_id)


@blueprint.patch("/api/admin/coupons/<uuid:coupon_id>")
@describe({200: StaffCouponDocument}, body=CouponChange)
def change_coupon(coupon_id: UUID) -> Response:
    """Change the fields that are sent; once a coupon was used, what it promises stays."""
    body = read_body(CouponChange)
    changes = body.model_dump(include=body.model_fields_set - {"version"})
    for name in _NEVER_NULL:
        if name in changes and changes[name] is None:
            raise InvalidInput({name: "Give a value, or leave it out."})
    coupon_acts.change(coupon_id, cast(CouponChanges, changes), body.version)
    return _document(coupon_id)


@blueprint.delete("/api/admin/coupons/<uuid:coupon_id>")
@describe({204: None})
def delete_coupon(coupon_id: UUID) -> ResponseReturnValue:
    """Delete a coupon that no order has used."""
    coupon_acts.delete(coupon_id)
    return "", 204


def _document(coupon_id: UUID) -> Response:
    return jsonify(coupon=_view(coupon_list.get_coupon(owner_scope(), coupon_id)))


def _view(row: CouponRow) -> dict[str, Any]:
    coupon = row.coupon
    amount = {"amount_minor": coupon.amount_minor, "currency": coupon.currency}
    course = {"id": coupon.course_id, "slug": row.course_slug, "title": row.course_title}
    plain = ("max_redemptions", "max_per_user", "redeemed", "starts_at", "ends_at", "is_active")
    return {
        "id": coupon.id,
        "code": coupon.code,
        "percent": coupon.percent,
        "amount": None if coupon.amount_minor is None else amount,
        "course": None if coupon.course_id is None else course,
        **{name: getattr(coupon, name) for name in plain},
        "state": row.state,
        "note": coupon.note,
        "version": coupon.version,
        "created_at": coupon.created_at,
    }
