"""Making, changing and deleting courses; what is in them is `outline_edits`' to change."""

import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.database import db
from app.domain.accounts.models import Role
from app.domain.courses.charge import Maker, course_in_charge, require_maker
from app.domain.courses.course_fields import (
    MAX_SLUG,
    CourseChanges,
    columns_of,
    slug_of,
    values_of,
)
from app.domain.courses.models import Category, Course, CourseStatus, Enrollment, LessonProgress
from app.domain.courses.public_pages import refresh_pages
from app.errors import Forbidden, InUse, InvalidInput, VersionConflict

SLUG_ATTEMPTS = 20
OPEN_STATUSES = (CourseStatus.PUBLISHED, CourseStatus.UNLISTED)


@dataclass(frozen=True, slots=True)
class Changed:
    """A course after a change; `before` holds what the changed columns held."""

    course: Course
    before: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Loss:
    """What people lose when something is deleted: how many have access, how many progress."""

    learner_count: int
    progress_count: int


def create(
    maker: Maker, title: str, category_id: uuid.UUID | None = None, language: str = "en"
) -> Course:
    """Add a draft taught by `maker`, with an address made of its title.

    Without a category the first one is taken. Raises Forbidden, InvalidInput.
    """
    require_maker(maker)
    wanted = category_id or db.session.scalar(
        select(Category.id).order_by(Category.position, Category.name).limit(1)
    )
    if wanted is None:
        raise InvalidInput(
            {"category_id": "There is no category yet. An administrator makes the first one."}
        )
    changes: CourseChanges = {"title": title, "category_id": wanted, "language": language}
    columns = {"pitch": "", "description": "", **columns_of(changes)}
    return add(columns, maker.id)


def add(columns: dict[str, Any], instructor_id: uuid.UUID) -> Course:
    """Add a draft from columns already checked, at an address nobody has, made of its title."""
    wanted = slug_of(columns["title"]) or f"course-{secrets.token_hex(3)}"
    slug = wanted
    for attempt in range(2, SLUG_ATTEMPTS):
        course = Course(**{**columns, "slug": slug}, instructor_id=instructor_id)
        if _is_kept(course):
            db.session.refresh(course)
            return course
        last = f"-{attempt}" if attempt < SLUG_ATTEMPTS // 2 else f"-{secrets.token_hex(3)}"
        slug = wanted[: MAX_SLUG - len(last)].rstrip("-") + last
    raise InvalidInput({"title": "Choose another title: too many courses are called this."})


def _is_kept(course: Course) -> bool:
    # Two drafts of one title race for the address: the unique constraint gives it to one of them.
    try:
        with db.session.begin_nested():
            db.session.add(course)
            db.session.flush()
    except IntegrityError as error:
        if "uq_courses_slug" not in str(error.orig):
            raise
        return False
    return True


def change(
    maker: Maker, course_id: uuid.UUID, changes: CourseChanges, version: int | None = None
) -> Changed:
    """Change some fields of a course and count its version up.

    `version` is the one the change was made on; None overwrites. What is so already changes
    nothing, whatever its version: a request repeated after a lost answer succeeds. Raises
    NotFound, Forbidden, InvalidInput, and VersionConflict with the fields as they are now.
    """
    course = course_in_charge(maker, course_id, lock=True)
    if "instructor_id" in changes and maker.role is not Role.ADMIN:
        raise Forbidden("Only administrators give a course to somebody else.")
    columns = columns_of(changes)
    before = {name: getattr(course, name) for name in columns}
    before = {name: value for name, value in before.items() if value != columns[name]}
    if not before:
        return Changed(course)
    require_version(course, version)
    if "slug" in before and course.published_at is not None:
        raise InvalidInput({"slug": "The address stays: links to the course lead there."})
    try:
        with db.session.begin_nested():
            for name in before:
                setattr(course, name, columns[name])
            course.version += 1
            db.session.flush()
    except IntegrityError as error:
        if "uq_courses_slug" not in str(error.orig):
            raise
        raise InvalidInput({"slug": "Another course has this address."}) from error
    db.session.refresh(course)
    refresh_pages(course)
    return Changed(course, before)


def require_version(course: Course, version: int | None) -> None:
    """Let a change of the course's own fields pass that was made on what is there now.

    The course is locked. Raises VersionConflict.
    """
    if version is not None and version != course.version:
        current = {"id": course.id, "version": course.version, "status": course.status}
        raise VersionConflict(current={**current, **values_of(course)})


def loss_of(course_id: uuid.UUID) -> Loss:
    """Count who would lose access or progress if the course went."""
    learners = select(func.count()).where(
        Enrollment.course_id == course_id, Enrollment.revoked_at.is_(None)
    )
    progress = select(func.count(LessonProgress.user_id.distinct())).where(
        LessonProgress.course_id == course_id
    )
    row = db.session.execute(select(learners.scalar_subquery(), progress.scalar_subquery())).one()
    return Loss(*row)


def delete(maker: Maker, course_id: uuid.UUID) -> tuple[Course, Loss]:
    """Delete a draft or an archived course with all that hangs on it; videos stay in the library.

    Returns it as it was, and what people lost. Raises NotFound, Forbidden, and InUse while it is
    open or once somebody has ordered it: the books must be able to say what was sold.
    """
    course = course_in_charge(maker, course_id, lock=True)
    if course.status in OPEN_STATUSES:
        raise InUse("Archive the course or make it a draft before you delete it.")
    loss = loss_of(course_id)
    # An order placed meanwhile refers to the course: its foreign key decides, whoever is first.
    try:
        with db.session.begin_nested():
            db.session.execute(
                delete_rows(Course)
                .where(Course.id == course_id)
                .execution_options(synchronize_session=False)
            )
    except IntegrityError as error:
        if "fk_orders_course_id" not in str(error.orig):
            raise
        raise InUse(
            "Somebody has ordered this course, so it stays for the books. Archive it instead: "
            "nobody new finds it then."
        ) from error
    db.session.expunge(course)
    return course, loss


def changes_from(given: dict[str, Any]) -> CourseChanges:
    """Return what a checked request body holds as changes."""
    return cast(CourseChanges, given)
