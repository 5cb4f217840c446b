"""Making, changing, moving and deleting sections and lessons.

Each act locks the course's row first: what two people do to one outline happens one after the
other, and whoever comes second is told when the ground has moved.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, select, text

from app.clock import utcnow
from app.database import db
from app.domain.courses.authoring import recount, set_lesson_video
from app.domain.courses.charge import (
    Maker,
    course_in_charge,
    lesson_in_charge,
    section_in_charge,
    video_in_charge,
)
from app.domain.courses.course_edits import OPEN_STATUSES, Loss
from app.domain.courses.lesson_fields import (
    MAX_LESSONS,
    MAX_SECTIONS,
    LessonChanges,
    SectionChanges,
    lesson_columns,
    lesson_values,
    section_columns,
    section_values,
)
from app.domain.courses.models import Course, Lesson, LessonKind, LessonProgress, Section
from app.domain.courses.outline_order import (
    SectionOrder,
    current_order,
    described,
    inserted,
    place_lessons,
    place_sections,
)
from app.domain.courses.public_pages import refresh_pages
from app.errors import InUse, InvalidInput, NotFound, VersionConflict

# Who finished every lesson that is left has finished the course. A row that somebody is writing
# is left to them: waiting for it with the course locked could be waiting for each other.
_SETTLE = text(
    """
    UPDATE enrollments SET completed_at = :now WHERE id IN (
        SELECT e.id FROM enrollments e JOIN (
            SELECT user_id FROM lesson_progress
            WHERE course_id = :course_id AND completed_at IS NOT NULL
            GROUP BY user_id HAVING count(*) >= :lesson_count
        ) done ON done.user_id = e.user_id
        WHERE e.course_id = :course_id AND e.completed_at IS NULL AND e.revoked_at IS NULL
        FOR NO KEY UPDATE OF e SKIP LOCKED)
    """
)


def add_section(
    maker: Maker, course_id: uuid.UUID, title: str, position: int | None = None
) -> Section:
    """Add a section, at the end without a position. Raises NotFound, Forbidden, InvalidInput."""
    course = course_in_charge(maker, course_id, lock=True)
    columns = section_columns({"title": title})
    order = [section["id"] for section in current_order(course_id)]
    if len(order) >= MAX_SECTIONS:
        raise InvalidInput({"course_id": f"A course has at most {MAX_SECTIONS} sections."})
    section = Section(id=uuid.uuid4(), course_id=course_id, position=len(order) + 1, **columns)
    db.session.add(section)
    db.session.flush()
    place_sections(inserted(order, section.id, position))
    _move_on(course)
    return section


def change_section(
    maker: Maker, section_id: uuid.UUID, changes: SectionChanges, version: int | None = None
) -> Section:
    """Change a section's fields or its place.

    Raises NotFound, Forbidden, InvalidInput, and VersionConflict with the section as it is.
    """
    section = section_in_charge(maker, section_id, lock=True)
    if _differs(section, columns := section_columns(changes)):
        if version is not None and version != section.version:
            raise VersionConflict(current=section_values(section))
        _apply(section, columns)
    if "position" in changes:
        order = [other["id"] for other in current_order(section.course_id)]
        moved = inserted(order, section.id, changes["position"])
        if moved != order:
            place_sections(moved)
            _move_on(_course_of(section))
    return section


def delete_section(maker: Maker, section_id: uuid.UUID) -> Loss:
    """Delete a section with its lessons and what people did in them; their videos stay.

    Raises NotFound, Forbidden, and InUse where an open course would be left empty.
    """
    section = section_in_charge(maker, section_id, lock=True)
    course = _course_of(section)
    loss = loss_of_section(section)
    lessons = db.session.scalars(select(Lesson.id).where(Lesson.section_id == section_id)).all()
    _keep_one_lesson(course, len(lessons))
    db.session.execute(delete(Section).where(Section.id == section_id))
    _close_ranks(course)
    return loss


def add_lesson(
    maker: Maker,
    section_id: uuid.UUID,
    title: str,
    kind: LessonKind = LessonKind.VIDEO,
    *,
    body: str = "",
    is_preview: bool = False,
    position: int | None = None,
) -> Lesson:
    """Add a lesson, at the section's end without a position.

    Raises NotFound, Forbidden, InvalidInput.
    """
    section = section_in_charge(maker, section_id, lock=True)
    course = _course_of(section)
    columns = lesson_columns({"title": title, "kind": kind, "body": body, "is_preview": is_preview})
    if course.lesson_count >= MAX_LESSONS:
        raise InvalidInput({"section_id": f"A course has at most {MAX_LESSONS:,} lessons."})
    order = _lessons_of(section_id)
    lesson = Lesson(
        id=uuid.uuid4(),
        section_id=section_id,
        course_id=section.course_id,
        position=len(order) + 1,
        **columns,
    )
    db.session.add(lesson)
    db.session.flush()
    place_lessons(section_id, inserted(order, lesson.id, position))
    _move_on(course)
    recount(course.id)
    return lesson


def change_lesson(
    maker: Maker, lesson_id: uuid.UUID, changes: LessonChanges, version: int | None = None
) -> Lesson:
    """Change a lesson's fields, its video or its place. A place has no version: one row moves.

    Raises NotFound, Forbidden, InvalidInput, and VersionConflict with the lesson as it is.
    """
    lesson = lesson_in_charge(maker, lesson_id, lock=True)
    columns = lesson_columns(changes)
    shown = lesson.incoming_video_id or lesson.video_id
    shows_another = "video_id" in changes and changes["video_id"] != shown
    if _differs(lesson, columns) or shows_another:
        if version is not None and version != lesson.version:
            raise VersionConflict(current=lesson_values(lesson))
        if shows_another:
            _show(maker, lesson, changes["video_id"])
        _check_kind(lesson, columns.get("kind", lesson.kind))
        _apply(lesson, columns)
        lesson.updated_at = utcnow()
        db.session.flush()
        recount(lesson.course_id)
    if "section_id" in changes or "position" in changes:
        _move(lesson, changes.get("section_id", lesson.section_id), changes.get("position"))
    return lesson


def delete_lesson(maker: Maker, lesson_id: uuid.UUID) -> Loss:
    """Delete a lesson with what people did in it; its video stays in the library.

    Raises NotFound, Forbidden, and InUse where an open course would be left empty.
    """
    lesson = lesson_in_charge(maker, lesson_id, lock=True)
    course = _course_of(lesson)
    loss = loss_of_lesson(lesson)
    _keep_one_lesson(course, 1)
    db.session.execute(delete(Lesson).where(Lesson.id == lesson_id))
    _close_ranks(course)
    return loss


def reorder(
    maker: Maker, course_id: uuid.UUID, order: Sequence[SectionOrder], outline_version: int
) -> Course:
    """Put sections and lessons in this order, which names each of them once.

    Raises NotFound, Forbidden, VersionConflict with the outline as it is, and InvalidInput.
    """
    course = course_in_charge(maker, course_id, lock=True)
    before = current_order(course_id)
    if list(order) == before:
        return course
    if outline_version != course.outline_version:
        raise VersionConflict(current=described(course))
    if _names(order) != _names(before):
        raise InvalidInput({"sections": "Name every section and lesson of the course once."})
    place_sections([section["id"] for section in order])
    for section in order:
        if section not in before:
            place_lessons(section["id"], section["lessons"])
    _move_on(course)
    return course


def loss_of_lesson(lesson: Lesson) -> Loss:
    """Count whose progress goes with a lesson."""
    return _loss(lesson.course_id, LessonProgress.lesson_id == lesson.id)


def loss_of_section(section: Section) -> Loss:
    """Count whose progress goes with a section."""
    lessons = select(Lesson.id).where(Lesson.section_id == section.id)
    return _loss(section.course_id, LessonProgress.lesson_id.in_(lessons))


def _loss(course_id: uuid.UUID, condition: Any) -> Loss:
    people = select(func.count(LessonProgress.user_id.distinct())).where(condition)
    learners = select(Course.learner_count).where(Course.id == course_id)
    row = db.session.execute(select(learners.scalar_subquery(), people.scalar_subquery())).one()
    return Loss(*row)


def _course_of(row: Section | Lesson) -> Course:
    return db.session.get_one(Course, row.course_id)


def _lessons_of(section_id: uuid.UUID) -> list[uuid.UUID]:
    found = select(Lesson.id).where(Lesson.section_id == section_id).order_by(Lesson.position)
    return list(db.session.scalars(found))


def _names(order: Sequence[SectionOrder]) -> tuple[list[uuid.UUID], list[uuid.UUID]]:
    lessons = [lesson for section in order for lesson in section["lessons"]]
    return sorted(section["id"] for section in order), sorted(lessons)


def _differs(row: Section | Lesson, columns: dict[str, Any]) -> bool:
    return any(getattr(row, name) != value for name, value in columns.items())


def _apply(row: Section | Lesson, columns: dict[str, Any]) -> None:
    for name, value in columns.items():
        setattr(row, name, value)
    row.version += 1
    db.session.flush()
    refresh_pages(_course_of(row))


def _move_on(course: Course) -> None:
    course.outline_version += 1
    db.session.flush()
    refresh_pages(course)


def _show(maker: Maker, lesson: Lesson, video_id: uuid.UUID | None) -> None:
    if video_id is None:
        lesson.video_id = lesson.incoming_video_id = None
        lesson.duration_seconds = 0
        return
    try:
        video = video_in_charge(maker, video_id)
    except NotFound as error:
        raise InvalidInput({"video_id": "Choose a video that you uploaded or show."}) from error
    set_lesson_video(lesson.id, video)


def _check_kind(lesson: Lesson, kind: LessonKind) -> None:
    if kind is not LessonKind.VIDEO and (lesson.video_id or lesson.incoming_video_id):
        raise InvalidInput({"kind": "Take the video off the lesson first."})
    if kind is not LessonKind.PDF and lesson.document_id:
        raise InvalidInput({"kind": "Remove the PDF from the lesson first."})


def _move(lesson: Lesson, section_id: uuid.UUID, position: int | None) -> None:
    target = db.session.get(Section, section_id, populate_existing=True)
    if target is None or target.course_id != lesson.course_id:
        raise InvalidInput({"section_id": "Choose a section of the same course."})
    order = _lessons_of(section_id)
    if position is None and lesson.section_id == section_id:
        return
    moved = inserted(order, lesson.id, position)
    if moved == order:
        return
    left = lesson.section_id
    place_lessons(section_id, moved)
    if left != section_id:
        place_lessons(left, _lessons_of(left))
    _move_on(_course_of(lesson))


def _keep_one_lesson(course: Course, going: int) -> None:
    if course.status in OPEN_STATUSES and going and course.lesson_count <= going:
        raise InUse(
            "An open course keeps at least one lesson. Make it a draft or archive it first."
        )


def _close_ranks(course: Course) -> None:
    """Number what is left, count it, and complete the course for who had done all of it."""
    db.session.flush()
    order = current_order(course.id)
    place_sections([section["id"] for section in order])
    for section in order:
        place_lessons(section["id"], section["lessons"])
    _move_on(course)
    recount(course.id)
    if course.lesson_count:
        values = {"course_id": course.id, "now": utcnow(), "lesson_count": course.lesson_count}
        db.session.execute(_SETTLE, values)
