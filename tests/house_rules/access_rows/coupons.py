"""Coupons: one that is used, of the owner's course."""

from typing import Any

from app.domain.checkout import coupons
from app.domain.courses.models import Course, Lesson
from tests import factories
from tests.support.coupons import make_coupon
from tests.support.orders import make_order

TABLE = """
                              anon lrnr enrl rvkd susp ownr clgu supp admn
GET admin.coupons               in  403  403  403   in  200  200  200  200
GET admin.new_coupon            in  403  403  403   in  200  200  403  200
POST admin.new_coupon           in  403  403  403   in  422  422  403  422
GET admin.coupon                in  403  403  403   in  200  404  200  200
POST admin.coupon               in  403  403  403   in  422  404  403  422
POST admin.switch_coupon        in  403  403  403   in  303  404  403  303
POST admin.drop_coupon          in  403  403  403   in  303  404  403  303
GET admin.list_coupons         401  403  403  403  401  200  200  200  200
POST admin.create_coupon       401  403  403  403  401  201  422  403  201
GET admin.get_coupon           401  403  403  403  401  200  404  200  200
PATCH admin.change_coupon      401  403  403  403  401  200  404  403  200
DELETE admin.delete_coupon     401  403  403  403  401  409  404  403  409
"""

KEYS = """
GET admin.list_coupons         403  403  401  401  401  200
POST admin.create_coupon       403  403  401  401  401  201
GET admin.get_coupon           403  403  401  401  401  200
PATCH admin.change_coupon      403  403  401  401  401  200
DELETE admin.delete_coupon     403  403  401  401  401  409
"""

BODIES: dict[str, Any] = {
    "admin.create_coupon": lambda values: {"percent": 10, "course_id": str(values["course_id"])},
    "admin.change_coupon": lambda _: {"note": "For the spring"},
}

SPECIAL = {"admin.switch_coupon": {"state": "off"}}


def values(course: Course, _lesson: Lesson) -> dict[str, Any]:
    """Return what the addresses of this part ask for."""
    coupon = make_coupon(course_id=course.id)
    order = make_order(factories.make_user(), course)
    coupons.redeem(coupon, order.user_id, order.id)
    return {"coupon_id": coupon.id}
