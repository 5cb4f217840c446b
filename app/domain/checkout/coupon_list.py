"""Coupons as their makers see them; an instructor's are those of their own courses."""

import enum
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Text, cast, or_, select, tuple_

from app.clock import utcnow
from app.database import db
from app.domain.checkout.coupon_models import Coupon
from app.domain.checkout.coupons import Refusal, refusal_of
from app.domain.courses.charge import own_courses
from app.domain.courses.models import Course
from app.errors import NotFound

After = tuple[datetime, uuid.UUID] | None


class CouponState(enum.StrEnum):
    """Whether a coupon counts now, and why not."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    NOT_YET = "not_yet"
    OVER = "over"
    USED_UP = "used_up"


@dataclass(frozen=True, slots=True)
class CouponWanted:
    """What a list of coupons is narrowed by; `text` is a part of a code or of a note."""

    text: str = ""
    course_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class CouponRow:
    """A coupon, the course it is for, and whether it counts now."""

    coupon: Coupon
    course_slug: str | None
    course_title: str | None
    state: CouponState

    @property
    def id(self) -> uuid.UUID:
        """Return the coupon's id."""
        return self.coupon.id

    @property
    def created_at(self) -> datetime:
        """Return when it was made."""
        return self.coupon.created_at


def list_coupons(
    owner_id: uuid.UUID | None, wanted: CouponWanted, after: After, limit: int
) -> list[CouponRow]:
    """Return coupons, newest first, those behind the position `after`."""
    statement = _rows(owner_id)
    if wanted.course_id is not None:
        statement = statement.where(Coupon.course_id == wanted.course_id)
    if wanted.text:
        code = cast(Coupon.code, Text)
        statement = statement.where(
            or_(
                code.icontains(wanted.text, autoescape=True),
                Coupon.note.icontains(wanted.text, autoescape=True),
            )
        )
    if after is not None:
        statement = statement.where(tuple_(Coupon.created_at, Coupon.id) < tuple_(*after))
    statement = statement.order_by(Coupon.created_at.desc(), Coupon.id.desc()).limit(limit)
    return [_row(found) for found in db.session.execute(statement)]


def get_coupon(owner_id: uuid.UUID | None, coupon_id: uuid.UUID) -> CouponRow:
    """Return one coupon. Raises NotFound."""
    found = db.session.execute(_rows(owner_id).where(Coupon.id == coupon_id)).first()
    if found is None:
        raise NotFound
    return _row(found)


def _rows(owner_id: uuid.UUID | None) -> Select[*tuple[Any, ...]]:
    statement: Select[*tuple[Any, ...]] = select(Coupon, Course.slug, Course.title).outerjoin(
        Course, Course.id == Coupon.course_id
    )
    if owner_id is not None:
        statement = statement.where(Coupon.course_id.is_not(None), own_courses(owner_id))
    return statement.execution_options(populate_existing=True)


def _row(found: Any) -> CouponRow:
    coupon, slug, title = found
    refusal = refusal_of(coupon, None, utcnow())
    return CouponRow(coupon, slug, title, _STATES.get(refusal, CouponState.ACTIVE))


_STATES: dict[Refusal | None, CouponState] = {
    Refusal.INACTIVE: CouponState.INACTIVE,
    Refusal.NOT_YET: CouponState.NOT_YET,
    Refusal.OVER: CouponState.OVER,
    Refusal.USED_UP: CouponState.USED_UP,
}
