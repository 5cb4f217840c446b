"""Making courses: what the builder's pages and the JSON have in common.

Each act is noted in the trail where it touches more than words, and committed.
"""

from typing import Any
from uuid import UUID

from app.database import db
from app.domain.accounts.sessions import SignedIn
from app.domain.audit.actions import Action
from app.domain.courses import course_edits, duplication, outline_edits, publishing
from app.domain.courses.charge import course_in_charge
from app.domain.courses.course_edits import Loss
from app.domain.courses.course_fields import CourseChanges
from app.domain.courses.models import Course, CourseStatus
from app.web import audit

# Changes of words are autosaved and many; these are what people ask about later.
NOTED = ("price_minor", "currency", "instructor_id", "enrollment_policy", "slug", "seat_limit")


def create(person: SignedIn, title: str, category_id: UUID | None, language: str) -> Course:
    """Add a draft. Raises Forbidden, InvalidInput."""
    course = course_edits.create(person, title, category_id, language)
    _note(Action.COURSE_CREATED, course.id, title=course.title)
    return _committed(course)


def change(
    person: SignedIn,
    course_id: UUID,
    changes: CourseChanges,
    *,
    status: CourseStatus | None = None,
    version: int | None = None,
) -> None:
    """Change fields and, after them, how far the course is seen.

    Raises NotFound, Forbidden, InvalidInput, VersionConflict, CourseNotReady.
    """
    changed = course_edits.change(person, course_id, changes, version)
    noted = {name: value for name, value in changed.before.items() if name in NOTED}
    if noted:
        after = {name: str(getattr(changed.course, name)) for name in noted}
        before = {name: str(value) for name, value in noted.items()}
        _note(Action.COURSE_CHANGED, course_id, before=before, after=after)
    if status is not None:
        _set_status(person, course_id, status, None if changed.before else version)
    db.session.commit()


def _set_status(
    person: SignedIn, course_id: UUID, status: CourseStatus, version: int | None
) -> None:
    moved = publishing.set_status(person, course_id, status, version)
    if moved.before:
        is_public = status is CourseStatus.PUBLISHED
        action = Action.COURSE_PUBLISHED if is_public else Action.COURSE_STATUS_CHANGED
        _note(action, course_id, before=moved.before["status"].value, after=status.value)


def duplicate(person: SignedIn, course_id: UUID) -> Course:
    """Add a copy of a course as a draft. Raises NotFound, Forbidden, StorageFull."""
    cover_id = course_in_charge(person, course_id).cover_id
    db.session.rollback()  # no transaction stays open across a vendor's call
    cover = duplication.copy_cover(course_id, cover_id)
    course = duplication.duplicate(person, course_id, cover)
    _note(Action.COURSE_DUPLICATED, course.id, source=str(course_id), title=course.title)
    return _committed(course)


def delete(person: SignedIn, course_id: UUID) -> Loss:
    """Delete a course that is not open. Raises NotFound, Forbidden, InUse."""
    course, loss = course_edits.delete(person, course_id)
    _note(
        Action.COURSE_DELETED,
        course_id,
        title=course.title,
        slug=course.slug,
        learner_count=loss.learner_count,
    )
    db.session.commit()
    return loss


def delete_section(person: SignedIn, section_id: UUID) -> Loss:
    """Delete a section and its lessons. Raises NotFound, Forbidden, InUse."""
    loss = outline_edits.delete_section(person, section_id)
    _note(
        Action.SECTION_DELETED,
        section_id,
        subject_kind="section",
        progress_count=loss.progress_count,
    )
    db.session.commit()
    return loss


def delete_lesson(person: SignedIn, lesson_id: UUID) -> Loss:
    """Delete a lesson. Raises NotFound, Forbidden, InUse."""
    loss = outline_edits.delete_lesson(person, lesson_id)
    _note(
        Action.LESSON_DELETED,
        lesson_id,
        subject_kind="lesson",
        progress_count=loss.progress_count,
    )
    db.session.commit()
    return loss


def _note(action: Action, subject: UUID, *, subject_kind: str = "course", **detail: Any) -> None:
    audit.note(action, subject=subject, subject_kind=subject_kind, **detail)


def _committed(course: Course) -> Course:
    db.session.commit()
    return course
