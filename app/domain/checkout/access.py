"""What an order's facts mean for its course: access, the seat and the use of a coupon."""

from datetime import datetime

from app.domain.checkout import coupons, standing
from app.domain.checkout.models import LIVE_STATUSES, Order, OrderStatus
from app.domain.checkout.standing import Facts
from app.domain.courses import entitlements, seats
from app.domain.courses.entitlement_models import Entitlement, EntitlementKind
from app.domain.courses.models import EnrollmentSource, RevocationReason

_ENDED_WITHOUT_MONEY = (OrderStatus.FAILED, OrderStatus.CANCELLED, OrderStatus.EXPIRED)


def settle(order: Order, facts: Facts, now: datetime) -> list[str]:
    """Give or take what an order with these facts gives or takes; say what was new."""
    if order.status in _ENDED_WITHOUT_MONEY:
        coupons.release(order.id)
    news = _give(order) if standing.gives_access(facts, now) else _take(order, facts)
    if order.status not in LIVE_STATUSES:
        seats.release(order.id)
    return news


def is_as_it_should(order: Order, facts: Facts, now: datetime) -> bool:
    """Whether the ledger says of an order what its facts come to; what staff took stays taken."""
    last = entitlements.last_word(order.id)
    is_given = last is not None and last.kind is EntitlementKind.GRANT
    return is_given == (standing.gives_access(facts, now) and not _is_taken_for_good(order, last))


def _give(order: Order) -> list[str]:
    last = entitlements.last_word(order.id)
    if last is not None and last.kind is EntitlementKind.GRANT:
        return []
    if _is_taken_for_good(order, last):
        return []
    _grant(order)
    return ["access given"]


def _take(order: Order, facts: Facts) -> list[str]:
    last = entitlements.last_word(order.id)
    if last is None:
        if not facts.has_money or facts.is_held:
            return []
        # Money came and went, or is in question, before anybody looked: the ledger tells of both,
        # as it does when they are told one by one.
        _grant(order)
    elif last.reason in (RevocationReason.STAFF, standing.reason_against(facts)):
        return []
    reason = standing.reason_against(facts)
    entitlements.revoke(order.user_id, order.course_id, reason, order_id=order.id)
    return [f"access taken ({reason.value})"]


def _grant(order: Order) -> None:
    source = EnrollmentSource.PURCHASE
    entitlements.grant(order.user_id, order.course_id, source, order_id=order.id)


def _is_taken_for_good(order: Order, last: Entitlement | None) -> bool:
    """Whether staff took what the order gave; what it gave ahead of its money, money gives anew."""
    if last is None or last.reason is not RevocationReason.STAFF:
        return False
    return order.paid_at is None or last.created_at >= order.paid_at
