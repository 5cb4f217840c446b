"""Seats of a course with few: an order keeps one from its beginning, an enrollment after it.

They bound those who come in by themselves; staff lets in whom it wants.
"""

import uuid

from sqlalchemy import ColumnElement, ScalarSelect, delete, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from app.clock import utcnow
from app.database import db
from app.domain.courses.entitlement_models import SeatHold
from app.domain.courses.models import Course, Enrollment
from app.errors import SoldOut


def take(course_id: uuid.UUID, user_id: uuid.UUID, order_id: uuid.UUID) -> None:
    """Keep a seat for an order; who has one already needs no second. Raises SoldOut."""
    require_seat(course_id, user_id)
    db.session.execute(
        insert(SeatHold)
        .values(order_id=order_id, course_id=course_id, user_id=user_id, created_at=utcnow())
        .on_conflict_do_nothing(index_elements=["order_id"])
    )


def require_seat(course_id: uuid.UUID, user_id: uuid.UUID) -> None:
    """Pass who finds a seat free, or has one. Raises SoldOut."""
    if db.session.scalar(select(Course.seat_limit).where(Course.id == course_id)) is None:
        return
    # Counting and taking is no one statement: the course's row puts those who want the last
    # seat in a row. Courses without a limit are spared the lock.
    limit = db.session.scalar(
        select(Course.seat_limit).where(Course.id == course_id).with_for_update(key_share=True)
    )
    if limit is None:
        return
    has_one, taken = db.session.execute(
        select(_has_seat(course_id, user_id), _taken(course_id))
    ).one()
    if not has_one and taken >= limit:
        raise SoldOut


def release(order_id: uuid.UUID) -> None:
    """Give up the seat that an order keeps, if it keeps one."""
    db.session.execute(
        delete(SeatHold)
        .where(SeatHold.order_id == order_id)
        .execution_options(synchronize_session=False)
    )


def seats_left(course_id: uuid.UUID) -> int | None:
    """Return how many seats are free, never less than none; None when there is no limit."""
    limit, taken = db.session.execute(
        select(Course.seat_limit, _taken(course_id)).where(Course.id == course_id)
    ).one()
    return None if limit is None else max(limit - taken, 0)


def has_seat(course_id: uuid.UUID, user_id: uuid.UUID) -> bool:
    """Whether a person is in the course, or has an order that keeps a seat in it."""
    return bool(db.session.scalar(select(_has_seat(course_id, user_id))))


def _has_seat(course_id: uuid.UUID, user_id: uuid.UUID) -> ColumnElement[bool]:
    return or_(
        exists().where(
            Enrollment.course_id == course_id,
            Enrollment.user_id == user_id,
            Enrollment.revoked_at.is_(None),
        ),
        exists().where(SeatHold.course_id == course_id, SeatHold.user_id == user_id),
    )


def _taken(course_id: uuid.UUID) -> ColumnElement[int]:
    """Count live enrollments, and people outside whose orders keep a seat."""
    live = aliased(Enrollment)
    enrolled: ScalarSelect[int] = (
        select(func.count())
        .select_from(Enrollment)
        .where(Enrollment.course_id == course_id, Enrollment.revoked_at.is_(None))
        .scalar_subquery()
    )
    held: ScalarSelect[int] = (
        select(func.count(SeatHold.user_id.distinct()))
        .where(
            SeatHold.course_id == course_id,
            ~exists().where(
                live.course_id == course_id,
                live.user_id == SeatHold.user_id,
                live.revoked_at.is_(None),
            ),
        )
        .scalar_subquery()
    )
    return enrolled + held
