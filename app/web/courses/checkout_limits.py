"""How often one person may check out, try a coupon, and have the gateway asked."""

from uuid import UUID

from limits import RateLimitItem, parse

from app.current import settings
from app.errors import TooManyRequests
from app.web.extensions import limiter

COUPON_TRIES = parse("10 per minute")
QUESTIONS = parse("1 per 5 second")


def count_checkout(person_id: UUID) -> None:
    """Count one checkout of a person. Raises TooManyRequests."""
    limit = parse(f"{settings.checkouts_per_minute} per minute")
    _count(limit, "checkout", person_id, "You tried to pay often just now. Wait a minute.")


def count_coupon_try(person_id: UUID) -> None:
    """Count one try of a coupon before it is looked up. Raises TooManyRequests."""
    _count(COUPON_TRIES, "coupon", person_id, "You tried many coupons just now. Wait a minute.")


def give_back_coupon_try(person_id: UUID) -> None:
    """Take a try back that was no guess."""
    limiter.limiter.hit(COUPON_TRIES, "coupon", str(person_id), cost=-1)


def may_ask_gateway(order_id: UUID) -> bool:
    """Whether a gateway may be asked about an order again; counts the question."""
    return limiter.limiter.hit(QUESTIONS, "payment-question", str(order_id))


def _count(limit: RateLimitItem, scope: str, person_id: UUID, detail: str) -> None:
    if not limiter.limiter.hit(limit, scope, str(person_id)):
        raise TooManyRequests(60, detail)
