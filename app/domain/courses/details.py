"""The course page: everything one person is told about one course, in four queries."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup
from sqlalchemy import Select, bindparam, select

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.courses import markdown, ways_in
from app.domain.courses.access import (
    IS_ADMIN,
    USER_ID,
    drips_from,
    is_visible,
    live_enrollment,
    unlocks,
)
from app.domain.courses.admission_models import EnrollmentRequest
from app.domain.courses.cards import CourseCard, completed_lessons, with_progress
from app.domain.courses.catalog import list_featured
from app.domain.courses.completion import percent_of
from app.domain.courses.models import (
    Category,
    Course,
    CourseStatus,
    Enrollment,
    EnrollmentPolicy,
    EnrollmentSource,
    Level,
)
from app.domain.courses.outline import LessonView, SectionView, continue_lesson_id, list_sections
from app.domain.courses.ways_in import PrimaryAction, RequestView
from app.errors import NotFound

RELATED = 3


@dataclass(frozen=True, slots=True)
class Instructor:
    """Who teaches the course."""

    name: str
    headline: str | None
    bio: str | None


@dataclass(frozen=True, slots=True)
class EnrollmentView:
    """The person's live enrollment."""

    id: uuid.UUID
    source: EnrollmentSource
    created_at: datetime
    last_watched_at: datetime | None
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class CourseView:
    """A course as one person sees it. Prices are minor units; `progress_percent` is 0-100.

    `continue_lesson_id` is None for visitors and where the course has no lesson yet. `request` is
    the person's own; `is_invited` says that an invitation lets them in, whatever the course costs.
    """

    id: uuid.UUID
    slug: str
    title: str
    pitch: str
    description: str
    description_html: Markup
    status: CourseStatus
    level: Level
    language: str
    category_slug: str
    category_name: str
    hue: int
    cover_id: uuid.UUID | None
    instructor: Instructor
    price_minor: int
    currency: str
    lesson_count: int
    duration_seconds: int
    learner_count: int
    seat_limit: int | None
    outcomes: tuple[str, ...]
    requirements: tuple[str, ...]
    published_at: datetime | None
    updated_at: datetime
    sections: tuple[SectionView, ...]
    enrollment_policy: EnrollmentPolicy
    enrollment: EnrollmentView | None
    request: RequestView | None
    is_invited: bool
    progress_percent: int
    primary_action: PrimaryAction
    continue_lesson_id: uuid.UUID | None
    related: tuple[CourseCard, ...]

    @property
    def is_enrolled(self) -> bool:
        """Whether the person holds a live enrollment."""
        return self.enrollment is not None

    @property
    def instructor_name(self) -> str:
        """The instructor's name, as cards have it."""
        return self.instructor.name

    @property
    def is_free(self) -> bool:
        """Whether enrolling costs nothing."""
        return self.price_minor == 0

    @property
    def preview(self) -> LessonView | None:
        """The first lesson that is open to every account, if there is one."""
        lessons = (lesson for section in self.sections for lesson in section.lessons)
        return next((lesson for lesson in lessons if lesson.is_preview), None)


def _statement() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Course.id,
            Course.slug,
            Course.title,
            Course.pitch,
            Course.description,
            Course.status,
            Course.level,
            Course.language,
            Course.category_id,
            Category.slug.label("category_slug"),
            Category.name.label("category_name"),
            Category.hue,
            Course.cover_id,
            User.name.label("instructor_name"),
            User.headline,
            User.bio,
            Course.price_minor,
            Course.currency,
            Course.lesson_count,
            Course.duration_seconds,
            Course.learner_count,
            Course.seat_limit,
            Course.outcomes,
            Course.requirements,
            Course.published_at,
            Course.updated_at,
            Enrollment.id.label("enrollment_id"),
            Enrollment.source,
            Enrollment.created_at.label("enrolled_at"),
            Enrollment.last_watched_at,
            Enrollment.completed_at,
            *ways_in.COLUMNS,
            unlocks(USER_ID, IS_ADMIN).label("unlocks_all"),
            drips_from(USER_ID, IS_ADMIN).label("drips_from"),
            completed_lessons(USER_ID).label("completed"),
            continue_lesson_id(USER_ID).label("continue_lesson_id"),
        )
        .join(Category, Category.id == Course.category_id)
        .join(User, User.id == Course.instructor_id)
        .outerjoin(Enrollment, live_enrollment(USER_ID))
        .outerjoin(EnrollmentRequest, ways_in.OWN_REQUEST)
        .where(Course.slug == bindparam("slug"), is_visible(USER_ID, IS_ADMIN))
    )


_COURSE = _statement()


def get_course_page(
    slug: str,
    user_id: uuid.UUID | None = None,
    role: Role | None = None,
    *,
    with_related: bool = True,
) -> CourseView:
    """Return a course for its page. Raises NotFound where it does not exist for this person."""
    row = _find(slug, user_id, role)
    sections = list_sections(
        row.id, user_id, unlocks_all=row.unlocks_all, drips_from=row.drips_from
    )
    percent = percent_of(row.completed, row.lesson_count)
    return CourseView(
        id=row.id,
        slug=row.slug,
        title=row.title,
        pitch=row.pitch,
        description=row.description,
        description_html=markdown.render(row.description),
        status=row.status,
        level=row.level,
        language=row.language,
        category_slug=row.category_slug,
        category_name=row.category_name,
        hue=row.hue,
        cover_id=row.cover_id,
        instructor=Instructor(row.instructor_name, row.headline, row.bio),
        price_minor=row.price_minor,
        currency=row.currency,
        lesson_count=row.lesson_count,
        duration_seconds=row.duration_seconds,
        learner_count=row.learner_count,
        seat_limit=row.seat_limit,
        outcomes=tuple(row.outcomes),
        requirements=tuple(row.requirements),
        published_at=row.published_at,
        updated_at=row.updated_at,
        sections=sections,
        enrollment_policy=row.enrollment_policy,
        enrollment=_enrollment(row),
        request=ways_in.request_of(row),
        is_invited=ways_in.is_invited(row),
        progress_percent=percent,
        primary_action=_primary_action(row, percent, is_signed_in=user_id is not None),
        continue_lesson_id=row.continue_lesson_id if user_id else None,
        related=_related(row, user_id) if with_related else (),
    )


def _find(slug: str, user_id: uuid.UUID | None, role: Role | None) -> Any:
    values = {"slug": slug, "user_id": user_id, "is_admin": role is Role.ADMIN, "now": utcnow()}
    row = db.session.execute(_COURSE, values).first()
    if row is None:
        raise NotFound
    return row


def _related(row: Any, user_id: uuid.UUID | None) -> tuple[CourseCard, ...]:
    popular = list_featured(RELATED + 1, row.category_id)
    others = [card for card in popular if card.id != row.id]
    return tuple(with_progress(others[:RELATED], user_id))


def _enrollment(row: Any) -> EnrollmentView | None:
    if row.enrollment_id is None:
        return None
    return EnrollmentView(
        row.enrollment_id, row.source, row.enrolled_at, row.last_watched_at, row.completed_at
    )


def _primary_action(row: Any, percent: int, *, is_signed_in: bool) -> PrimaryAction:
    if not is_signed_in:
        return PrimaryAction.SIGN_IN
    if not row.unlocks_all:
        return ways_in.way_in(row)
    if percent == 100:
        return PrimaryAction.COMPLETED
    has_begun = row.completed > 0 or row.last_watched_at is not None
    return PrimaryAction.CONTINUE if has_begun else PrimaryAction.START
