"""Orders as staff sees them: one that is paid, of the owner's course."""

from typing import Any

from app.database import db
from app.domain.checkout.difference_models import BookDifference
from app.domain.courses.models import Course, Lesson
from tests import factories
from tests.support.orders import make_order, make_payment

TABLE = """
                              anon lrnr enrl rvkd susp ownr clgu supp admn
GET admin.orders                in  403  403  403   in  403  403  200  200
GET admin.orders_file           in  403  403  403   in  403  403  403  200
GET admin.order                 in  403  403  403   in  403  403  200  200
GET admin.order_refund          in  403  403  403   in  403  403  403  200
POST admin.order_refund         in  403  403  403   in  403  403  403  422
GET admin.order_release    in  403  403  403   in  403  403  403  303
POST admin.order_release   in  403  403  403   in  403  403  403  409
GET admin.list_orders          401  403  403  403  401  403  403  200  200
GET admin.get_order            401  403  403  403  401  403  403  200  200
POST admin.settle_difference    in  403  403  403   in  403  403  403  303
POST admin.release_order       401  403  403  403  401  403  403  403  409
GET admin.list_refunds         401  403  403  403  401  403  403  200  200
POST admin.create_refund       401  403  403  403  401  403  403  403  422
"""

KEYS = """
GET admin.list_orders          403  403  401  401  401  200
GET admin.get_order            403  403  401  401  401  200
GET admin.list_refunds         403  403  401  401  401  200
"""


def _special() -> dict[str, dict[str, Any]]:
    names = ("order", "order_refund", "order_release", "get_order", "release_order")
    return {f"admin.{name}": PAID for name in names} | {"admin.settle_difference": DIFFERENCE}


PAID: dict[str, Any] = {}
DIFFERENCE: dict[str, Any] = {}
SPECIAL = _special()


def values(course: Course, _lesson: Lesson) -> dict[str, Any]:
    """Return nothing: order and difference are of these addresses only, put in their dicts."""
    order = make_order(factories.make_user(), course, 4_900)
    make_payment(order)
    PAID["order_id"] = order.id
    difference = BookDifference(method="card", order_number=order.number, what="unlike")
    db.session.add(difference)
    db.session.flush()
    DIFFERENCE["difference_id"] = difference.id
    return {}
