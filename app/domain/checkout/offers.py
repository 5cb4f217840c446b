"""What the course page and the checkout offer one person: ways to pay, an order under way."""

import uuid
from dataclasses import dataclass
from typing import Protocol

from app.clock import utcnow
from app.database import db
from app.domain.checkout import coupons, orders
from app.domain.checkout.coupon_models import Coupon
from app.domain.checkout.methods import Way, list_ways
from app.domain.checkout.models import Order, OrderStatus
from app.domain.checkout.pricing import Price, Priced, price
from app.domain.courses import seats
from app.domain.courses.details import CourseView
from app.domain.courses.models import Course, EnrollmentPolicy
from app.domain.courses.ways_in import PrimaryAction

OFFERED = frozenset({PrimaryAction.BUY, PrimaryAction.ENROLL, PrimaryAction.SIGN_IN})


class Sold(Priced, Protocol):
    """A course, or a view of one, with what decides whether there is a place in it."""

    @property
    def id(self) -> uuid.UUID: ...

    @property
    def seat_limit(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Offer:
    """How one person may pay for a course; `live_order` is one they have under way for it."""

    cost: Price
    ways: tuple[Way, ...]
    seats_left: int | None
    live_order: Order | None

    @property
    def is_sold_out(self) -> bool:
        """Whether no place is left; an order under way keeps one."""
        return self.seats_left == 0 and self.live_order is None

    @property
    def is_for_sale(self) -> bool:
        """Whether there is any way to pay here."""
        return bool(self.ways)


def offer_for(user_id: uuid.UUID | None, course: Sold) -> Offer:
    """Return what `course` is offered for to a person, or with None to a visitor.

    Visitors sign in before they are told the ways to pay.
    """
    cost = price(course)
    seats_left = seats.seats_left(course.id) if course.seat_limit is not None else None
    if user_id is None or cost.is_free:
        return Offer(cost, (), seats_left, None)
    return Offer(cost, list_ways(cost), seats_left, orders.find_live(user_id, course.id))


def find_coupon(user_id: uuid.UUID, course: Course, code: str) -> Coupon:
    """Return the coupon that `code` means if it counts, also the one an own order holds a use of.

    Raises CouponInvalid.
    """
    held = orders.find_live(user_id, course.id)
    if held is not None and held.coupon_id and held.coupon_code == coupons.normal(code):
        return db.session.get_one(Coupon, held.coupon_id)
    return coupons.find(code, user_id, course, utcnow())


def offer_on_page(
    user_id: uuid.UUID | None, course: CourseView
) -> tuple[Offer | None, PrimaryAction]:
    """Return what the course page offers, and what its one button does.

    Nobody is asked for an offer who is in the course, or comes into it another way.
    """
    action = course.primary_action
    is_open = course.enrollment_policy is EnrollmentPolicy.OPEN
    if action not in OFFERED or course.is_invited or not is_open:
        return None, action
    offer = offer_for(user_id, course)
    order = offer.live_order
    if order is not None and action is PrimaryAction.BUY:
        is_unpaid = order.status is OrderStatus.OPEN
        return offer, PrimaryAction.FINISH_PAYING if is_unpaid else PrimaryAction.UNDER_REVIEW
    return offer, PrimaryAction.SOLD_OUT if offer.is_sold_out else action
