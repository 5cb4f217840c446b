"""Buying the course, and the order that `enrolled` has of it."""

from typing import Any

from sqlalchemy import select

from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout.models import EndReason, OrderStatus
from app.domain.courses.models import Course, Lesson
from tests.support.orders import make_order

TABLE = """
                              anon lrnr enrl rvkd susp ownr clgu supp admn
GET courses.checkout            in  303  303  403   in  303  303  303  303
POST courses.check_out          in  303  303  403   in  303  303  303  303
GET courses.orders              in  200  200  200   in  200  200  200  200
GET courses.order               in  404  200  404   in  404  404  404  404
POST courses.pay                in  404  303  404   in  404  404  404  404
POST courses.verify             in  404  303  404   in  404  404  404  404
POST courses.cancel_order       in  404  303  404   in  404  404  404  404

POST courses.check_out_by_program 401 409 409  403  401  409  409  409  409
GET courses.list_orders        401  200  200  200  401  200  200  200  200
GET courses.get_order          401  404  200  404  401  404  404  404  404
POST courses.verify_order      401  404  200  404  401  404  404  404  404
POST courses.cancel_order_by_program 401 404 200 404 401 404 404  404  404
"""

KEYS = """
                              full read rvkd expd susp admn
POST courses.check_out_by_program 409 403 401  401  401  409
GET courses.list_orders        200  200  401  401  401  200
GET courses.get_order          200  200  401  401  401  404
POST courses.verify_order      200  403  401  401  401  404
POST courses.cancel_order_by_program 200 403 401 401  401  404
"""

BODIES = {"courses.check_out_by_program": lambda _: {"method": "card"}}
OF_AN_ORDER = (
    "order",
    "pay",
    "verify",
    "cancel_order",
    "get_order",
    "verify_order",
    "cancel_order_by_program",
)
SPECIAL: dict[str, dict[str, Any]] = {f"courses.{name}": {} for name in OF_AN_ORDER}


def values(course: Course, _lesson: Lesson) -> dict[str, Any]:
    """Have `enrolled` order the course, and think better of it."""
    buyer = db.session.scalars(select(User).where(User.name == "Enno Enrolled")).one()
    ended = {"status": OrderStatus.CANCELLED, "ended_as": EndReason.CANCELLED}
    order = make_order(buyer, course, **ended)
    for arguments in SPECIAL.values():
        arguments["order_id"] = order.id
    return {}
