"""Revenue: what came in, went back and was taken back, by day, course or method, per currency.

Every figure is a sum of payments, refunds and lost disputes at the moment each happened, so the
figures of two spans add up to those of both together. Currencies are never added to each other.
`owner_id` is an instructor, who sees their own courses, or None for those who see everything.
"""

import enum
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import TIMESTAMP, Select, Subquery, cast, func, literal, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY

from app.database import db
from app.domain.accounts.time_zones import UNIVERSAL, is_known
from app.domain.checkout.models import (
    Dispute,
    DisputeStatus,
    Order,
    Payment,
    Refund,
    RefundStatus,
)
from app.domain.courses.charge import own_courses
from app.domain.courses.models import Course
from app.errors import InvalidInput

LONGEST = timedelta(days=731)
MAX_ROWS = 5000


class Group(enum.StrEnum):
    """What the rows of a report are of."""

    DAY = "day"
    COURSE = "course"
    METHOD = "method"


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days, the last one included, as they begin and end in `zone`."""

    first: date
    last: date
    zone: str = UNIVERSAL

    @property
    def starts_at(self) -> datetime:
        """The first moment of the first day."""
        return self._midnight(self.first)

    @property
    def ends_at(self) -> datetime:
        """The first moment after the last day."""
        return self._midnight(self.last + timedelta(days=1))

    @property
    def midnights(self) -> list[datetime]:
        """The first moment of each day."""
        return [self._midnight(self.first + timedelta(days=day)) for day in range(self.days)]

    @property
    def days(self) -> int:
        """How many days there are."""
        return (self.last - self.first).days + 1

    def day_of(self, moment: datetime) -> date:
        """Return which day a moment is in the zone."""
        return moment.astimezone(ZoneInfo(self.zone)).date()

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time.min, ZoneInfo(self.zone)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Sums:
    """Minor units of one currency; `orders` counts those that money came for."""

    currency: str
    orders: int
    received_minor: int
    refunded_minor: int
    charged_back_minor: int

    @property
    def net_minor(self) -> int:
        """What is left."""
        return self.received_minor - self.refunded_minor - self.charged_back_minor


@dataclass(frozen=True, slots=True)
class Row:
    """The sums of a day (ISO 8601), a course (its id) or a method; `title` names a course."""

    key: str
    title: str
    sums: Sums


def span_of(first: date, last: date, zone: str | None = None) -> Span:
    """Return the days from `first` to `last`. Raises InvalidInput for none and for too many."""
    if last < first:
        raise InvalidInput({"to": "The last day must not be before the first."})
    if last - first >= LONGEST:
        raise InvalidInput({"to": "Ask for at most two years at a time."})
    if not date(2000, 1, 1) <= first <= last <= date(9000, 1, 1):
        raise InvalidInput({"from": "Give a day of this century, such as 2026-11-23."})
    return Span(first, last, zone if zone and is_known(zone) else UNIVERSAL)


def revenue(owner_id: uuid.UUID | None, span: Span, group: Group) -> list[Row]:
    """Return the rows in which money moved: days in their order, others by what is left.

    At most 5,000 rows.
    """
    facts = _facts(span)
    keys = _keys(facts, span, group)
    net = func.sum(facts.c.received - facts.c.refunded - facts.c.charged_back)
    order = keys if group is Group.DAY else (facts.c.currency, net.desc(), keys[0])
    found = db.session.execute(
        _summed(facts, owner_id)
        .add_columns(keys[0].label("key"), keys[-1].label("title"))
        .group_by(*keys)
        .order_by(*order, facts.c.currency)
        .limit(MAX_ROWS)
    )
    if group is not Group.DAY:
        return [Row(str(row.key), row.title, _sums(row)) for row in found]
    days = ((span.first + timedelta(days=row.key - 1), row) for row in found)
    return [Row(day.isoformat(), day.isoformat(), _sums(row)) for day, row in days]


def totals(owner_id: uuid.UUID | None, span: Span) -> list[Sums]:
    """Return the sums of each currency in which money moved."""
    facts = _facts(span)
    rows = db.session.execute(_summed(facts, owner_id).order_by(facts.c.currency))
    return [_sums(row) for row in rows]


def _facts(span: Span) -> Subquery:
    """Return each movement of money in the span as a row."""

    def moved(
        at: Any, order_id: Any, currency: Any, amount: Any, column: str, *conditions: Any
    ) -> Select[Any]:
        amounts = [
            (amount if name == column else literal(0)).label(name)
            for name in ("received", "refunded", "charged_back")
        ]
        return select(
            at.label("at"), order_id.label("order_id"), currency.label("currency"), *amounts
        ).where(at >= span.starts_at, at < span.ends_at, *conditions)

    went_at = func.coalesce(Refund.settled_at, Refund.created_at)
    lost_at = func.coalesce(Dispute.closed_at, Dispute.opened_at)
    return union_all(
        moved(
            Payment.received_at, Payment.order_id, Payment.currency, Payment.amount_minor,
            "received",
        ),
        moved(
            went_at, Refund.order_id, Refund.currency, Refund.amount_minor, "refunded",
            Refund.status == RefundStatus.SUCCEEDED,
        ),
        moved(
            lost_at, Dispute.order_id, Payment.currency, Dispute.amount_minor, "charged_back",
            Dispute.status == DisputeStatus.LOST, Payment.id == Dispute.payment_id,
        ),
    ).subquery("moved")  # fmt: skip


def _summed(facts: Subquery, owner_id: uuid.UUID | None) -> Select[Any]:
    """Return the sums of the facts by currency, those of the owner's courses."""
    paid = func.count(facts.c.order_id.distinct()).filter(facts.c.received > 0)
    return (
        select(
            facts.c.currency,
            paid.label("orders"),
            func.sum(facts.c.received).label("received"),
            func.sum(facts.c.refunded).label("refunded"),
            func.sum(facts.c.charged_back).label("charged_back"),
        )
        .join(Order, Order.id == facts.c.order_id)
        .join(Course, Course.id == Order.course_id)
        .where(own_courses(owner_id))
        .group_by(facts.c.currency)
    )


def _keys(facts: Subquery, span: Span, group: Group) -> tuple[Any, ...]:
    """Return what the rows are told apart by, a day by its number in the span; the title last."""
    match group:
        case Group.DAY:
            # The days begin where Python says, so that both agree about every zone.
            midnights = cast(span.midnights, ARRAY(TIMESTAMP(timezone=True)))
            day = func.width_bucket(facts.c.at, midnights)
            return (day,)
        case Group.COURSE:
            return Course.id, Course.title
        case Group.METHOD:
            return (Order.method,)


def _sums(row: Any) -> Sums:
    return Sums(
        row.currency,
        row.orders,
        int(row.received),
        int(row.refunded),
        int(row.charged_back),
    )
