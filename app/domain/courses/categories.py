"""The shelves of the catalog."""

import uuid
from dataclasses import dataclass

from sqlalchemy import func, literal, select, true

from app.database import db
from app.domain.courses.models import Category, Course, CourseStatus
from app.errors import NotFound

MAX_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class CategoryView:
    """A shelf. `course_count` is exact up to a thousand, where counting stops."""

    id: uuid.UUID
    slug: str
    name: str
    description: str
    hue: int
    course_count: int


def list_categories(*, include_empty: bool = False) -> list[CategoryView]:
    """List the shelves in their order, by default those with a published course on them."""
    on_shelf = (
        select(literal(1).label("one"))
        .where(Course.category_id == Category.id, Course.status == CourseStatus.PUBLISHED)
        .limit(MAX_COUNTED)
        .correlate(Category)
        .subquery()
        .lateral()
    )
    counted = select(func.count().label("courses")).select_from(on_shelf).lateral()
    statement = (
        select(
            Category.id,
            Category.slug,
            Category.name,
            Category.description,
            Category.hue,
            counted.c.courses,
        )
        .join(counted, true())
        .order_by(Category.position, Category.name)
    )
    if not include_empty:
        statement = statement.where(counted.c.courses > 0)
    return [CategoryView(*row) for row in db.session.execute(statement)]


def get_category(slug: str) -> CategoryView:
    """Return a shelf by its slug. Raises NotFound."""
    for category in list_categories(include_empty=True):
        if category.slug == slug:
            return category
    raise NotFound
