"""Course cards: what lists show of a course, first without and then with the person's share."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import ScalarSelect, Select, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped
from sqlalchemy.types import UserDefinedType

from app.database import Prepared
from app.domain.accounts.models import User
from app.domain.courses.access import USER_ID, UserColumn
from app.domain.courses.completion import percent_of
from app.domain.courses.models import Category, Course, Enrollment, LessonProgress, Level


@dataclass(frozen=True)
class CourseCard:
    """A course in a list. `progress_percent` is None and `is_enrolled` False for everybody else.

    Prices are minor units of `currency`; `hue` (0-359) is the category's. Without a `cover_id` the
    cover is drawn.
    """

    id: uuid.UUID
    slug: str
    title: str
    pitch: str
    category_slug: str
    category_name: str
    hue: int
    instructor_name: str
    level: Level
    language: str
    lesson_count: int
    duration_seconds: int
    learner_count: int
    price_minor: int
    currency: str
    cover_id: uuid.UUID | None = None
    progress_percent: int | None = None
    is_enrolled: bool = False

    @property
    def is_free(self) -> bool:
        """Whether enrolling costs nothing."""
        return self.price_minor == 0


Card = TypeVar("Card", bound=CourseCard)

CARD_COLUMNS = (
    Course.id,
    Course.slug,
    Course.title,
    Course.pitch,
    Category.slug,
    Category.name,
    Category.hue,
    User.name,
    Course.level,
    Course.language,
    Course.lesson_count,
    Course.duration_seconds,
    Course.learner_count,
    Course.price_minor,
    Course.currency,
    Course.cover_id,
)


def select_cards() -> Select[*tuple[Any, ...]]:
    """Return a statement over courses whose columns are CourseCard's, in order."""
    return (
        select(*CARD_COLUMNS)
        .join(Category, Category.id == Course.category_id)
        .join(User, User.id == Course.instructor_id)
    )


def read_cards(rows: Iterable[Any]) -> list[CourseCard]:
    """Return the cards of the rows that `select_cards` found."""
    return [CourseCard(*row) for row in rows]


def completed_lessons(
    user_id: UserColumn, course_id: Mapped[uuid.UUID] = Course.id
) -> ScalarSelect[int]:
    """Return how many lessons of the statement's course the person has completed."""
    return (
        select(func.count())
        .select_from(LessonProgress)
        .where(
            LessonProgress.user_id == user_id,
            LessonProgress.course_id == course_id,
            LessonProgress.completed_at.is_not(None),
        )
        .correlate(Course, Enrollment)
        .scalar_subquery()
    )


class _UuidsLiteral(UserDefinedType[str]):
    """Several ids as one array literal: the driver would send them as texts, which are no uuids.

    A text that the statement casts would be read anew for every row that it is compared with.
    """

    def get_col_spec(self, **_: Any) -> str:
        """Return what the server is told it is given."""
        return "UUID[]"


_IDS = cast(bindparam("course_ids", type_=_UuidsLiteral()), ARRAY(Course.id.type))
_COMPLETED = completed_lessons(Enrollment.user_id, Enrollment.course_id)
# Of `= ANY(ids)` the server makes another plan each time, which takes longer than what it plans.
_OWN = Prepared(
    select(Enrollment.course_id, _COMPLETED.label("completed")).where(
        Enrollment.user_id == USER_ID,
        Enrollment.revoked_at.is_(None),
        Enrollment.course_id.in_(select(func.unnest(_IDS))),
    )
)


def ids_of(cards: Iterable[CourseCard]) -> str:
    """Return the ids of the courses, for `own_progress`."""
    return f"{{{','.join(str(card.id) for card in cards)}}}"


def own_progress(course_ids: str, user_id: uuid.UUID) -> dict[uuid.UUID, int]:
    """Return how many lessons the person has completed of those courses that they are in."""
    return dict(_OWN.all({"user_id": user_id, "course_ids": course_ids}))


def with_own(card: Card, completed: int) -> Card:
    """Return the card for somebody in the course who has completed so many of its lessons."""
    percent = percent_of(completed, card.lesson_count)
    return replace(card, progress_percent=percent, is_enrolled=True)


def with_progress(cards: Sequence[Card], user_id: uuid.UUID | None) -> list[Card]:
    """Return the cards with the person's enrollments and progress on them: one query."""
    if user_id is None or not cards:
        return list(cards)
    own = own_progress(ids_of(cards), user_id)
    return [with_own(card, own[card.id]) if card.id in own else card for card in cards]
