"""What a course costs somebody: whole minor units, from our own rows alone."""

from dataclasses import dataclass
from typing import Protocol

from app.domain.checkout.coupon_models import Coupon, CouponKind


class Priced(Protocol):
    """Whatever has a price: a course, or a view of one."""

    @property
    def price_minor(self) -> int: ...

    @property
    def currency(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Price:
    """A price and what a coupon takes off it, in minor units of `currency`."""

    list_minor: int
    discount_minor: int
    currency: str

    @property
    def total_minor(self) -> int:
        """Return what is left to pay."""
        return self.list_minor - self.discount_minor

    @property
    def is_free(self) -> bool:
        """Whether nothing is left to pay."""
        return self.total_minor == 0


def price(course: Priced, coupon: Coupon | None = None) -> Price:
    """Return what `course` costs with `coupon`, never less than nothing.

    A percentage is rounded down to whole minor units, an amount in another currency takes off
    nothing.
    """
    return Price(course.price_minor, _discount(course, coupon), course.currency)


def _discount(course: Priced, coupon: Coupon | None) -> int:
    if coupon is None:
        return 0
    if coupon.kind is CouponKind.PERCENT:
        return course.price_minor * (coupon.percent or 0) // 100
    if coupon.currency != course.currency:
        return 0
    return min(coupon.amount_minor or 0, course.price_minor)
