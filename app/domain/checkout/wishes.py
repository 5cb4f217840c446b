"""What a buyer asks for, and what it comes to by our own rows."""

import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import timedelta

from app.clock import utcnow
from app.domain.checkout import coupons, methods
from app.domain.checkout.coupon_models import Coupon
from app.domain.checkout.methods import FREE, TRANSFER, Way
from app.domain.checkout.models import Order
from app.domain.checkout.pricing import Price, price
from app.domain.courses.models import Course
from app.errors import InvalidInput

# Gateways want half an hour for an attempt: an order older than this cannot begin one any more.
BEGINS_WITHIN = timedelta(minutes=25)
MAX_KEY_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for: ids and a code, never an amount."""

    slug: str
    method: str
    code: str | None
    transfer_method_id: uuid.UUID | None
    key: str | None

    @property
    def fingerprint(self) -> str:
        """Return what tells a repetition from another request under the same key."""
        parts = [self.slug, self.method, self.code, str(self.transfer_method_id)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def is_met_by(self, order: Order, course: Course) -> bool:
        """Whether an open order is what is wished for, at today's price, and can still be paid."""
        if (self.method, self.code) != (order.method, order.coupon_code):
            return False
        if self.transfer_method_id not in (None, order.transfer_method_id):
            return False
        if (course.price_minor, course.currency) != (order.list_price_minor, order.currency):
            return False
        has_begun = order.method in (TRANSFER, FREE) or order.gateway_reference is not None
        return has_begun or utcnow() < order.created_at + BEGINS_WITHIN


@dataclass(frozen=True, slots=True)
class Terms:
    """The price, the coupon and the way to pay."""

    cost: Price
    coupon: Coupon | None
    way: Way


def wish_for(
    slug: str,
    method: str,
    coupon_code: str | None,
    transfer_method_id: uuid.UUID | None,
    idempotency_key: str | None,
) -> Wish:
    """Return the wish as it is compared and kept. Raises InvalidInput."""
    key = idempotency_key
    if key is not None and not (0 < len(key) <= MAX_KEY_LENGTH and key.isprintable()):
        fault = f"Use 1 to {MAX_KEY_LENGTH} printable characters."
        raise InvalidInput({"Idempotency-Key": fault})
    code = coupons.normal(coupon_code) if coupon_code else ""
    return Wish(slug, method, code or None, transfer_method_id, key)


def terms_of(user_id: uuid.UUID, course: Course, wish: Wish) -> Terms:
    """Return what a wish comes to. Raises CouponInvalid, CheckoutRefused, InvalidInput."""
    coupon = coupons.find(wish.code, user_id, course, utcnow()) if wish.code else None
    cost = price(course, coupon)
    if cost.is_free:
        return Terms(cost, coupon, Way(FREE))
    return Terms(cost, coupon, methods.choose(cost, wish.method, wish.transfer_method_id))
