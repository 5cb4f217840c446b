"""Receipts and reports of what was sold."""

from typing import Any

from sqlalchemy import select

from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.models import Course, Lesson
from tests.support.orders import make_order, make_payment

TABLE = """
                              anon lrnr enrl rvkd susp ownr clgu supp admn
GET courses.receipt             in  404  200  404   in  404  404  404  404
GET admin.reports               in  403  403  403   in  200  200  403  200
GET admin.revenue_file          in  403  403  403   in  200  200  403  200
GET admin.get_revenue          401  403  403  403  401  200  200  403  200
"""

KEYS = """
                              full read rvkd expd susp admn
GET admin.get_revenue          403  403  401  401  401  200
"""

# The receipt is of an order that `enrolled` paid.
SPECIAL: dict[str, dict[str, Any]] = {"courses.receipt": {}}


def values(course: Course, _lesson: Lesson) -> dict[str, Any]:
    """Have `enrolled` pay for the course."""
    buyer = db.session.scalars(select(User).where(User.name == "Enno Enrolled")).one()
    order = make_order(buyer, course)
    make_payment(order)
    SPECIAL["courses.receipt"]["order_id"] = order.id
    return {}
