"""Where sections and lessons stand in a course: read, placed and compared as whole orders.

Whoever writes here holds the course's row locked, so two orders never mix; the positions' unique
constraints are deferred, so rows may pass through each other's places.
"""

import uuid
from collections.abc import Sequence
from typing import Any, TypedDict

from sqlalchemy import select, union_all, update

from app.database import db
from app.domain.courses.models import Course, Lesson, Section


class SectionOrder(TypedDict):
    """A section and its lessons in their order."""

    id: uuid.UUID
    lessons: list[uuid.UUID]


def current_order(course_id: uuid.UUID) -> list[SectionOrder]:
    """Return every section of a course with its lessons, in order."""
    rows = db.session.execute(
        select(Section.id, Lesson.id)
        .outerjoin(Lesson, Lesson.section_id == Section.id)
        .where(Section.course_id == course_id)
        .order_by(Section.position, Lesson.position)
    )
    order: dict[uuid.UUID, list[uuid.UUID]] = {}
    for section_id, lesson_id in rows:
        order.setdefault(section_id, []).extend([lesson_id] if lesson_id else [])
    return [{"id": key, "lessons": lessons} for key, lessons in order.items()]


def described(course: Course) -> dict[str, Any]:
    """Return the outline with its titles, as somebody needs it who meant another one."""
    rows = union_all(
        select(Section.id, Section.title).where(Section.course_id == course.id),
        select(Lesson.id, Lesson.title).where(Lesson.course_id == course.id),
    )
    titles = {row[0]: row[1] for row in db.session.execute(rows)}
    return {
        "id": course.id,
        "outline_version": course.outline_version,
        "sections": [
            {
                "id": section["id"],
                "title": titles[section["id"]],
                "lessons": [{"id": key, "title": titles[key]} for key in section["lessons"]],
            }
            for section in current_order(course.id)
        ],
    }


def inserted(
    order: Sequence[uuid.UUID], row_id: uuid.UUID, position: int | None
) -> list[uuid.UUID]:
    """Return the order with `row_id` at `position` (from 1), at the end without one."""
    others = [other for other in order if other != row_id]
    index = len(others) if position is None else min(max(position, 1) - 1, len(others))
    return [*others[:index], row_id, *others[index:]]


def place_sections(order: Sequence[uuid.UUID]) -> None:
    """Number the sections 1, 2, 3 … in this order."""
    _place(Section, [{"id": key, "position": at} for at, key in enumerate(order, start=1)])


def place_lessons(section_id: uuid.UUID, order: Sequence[uuid.UUID]) -> None:
    """Number the lessons 1, 2, 3 … in this order, all of them in this section."""
    places = enumerate(order, start=1)
    _place(Lesson, [{"id": key, "section_id": section_id, "position": at} for at, key in places])


def _place(model: type[Section | Lesson], rows: list[dict[str, Any]]) -> None:
    if rows:
        db.session.execute(update(model), rows)
        for held in db.session.identity_map.values():
            if isinstance(held, model):
                db.session.expire(held, ["position"])
