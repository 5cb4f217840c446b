"""Making, changing, ordering and deleting the shelves of the catalog.

A shelf keeps its address when it is renamed, so links to it keep working.
"""

import secrets
import uuid
from dataclasses import dataclass

from sqlalchemy import func, select

from app.database import db
from app.domain.courses.course_fields import slug_of
from app.domain.courses.models import Category, Course
from app.domain.outbox import pages
from app.errors import InUse, InvalidInput, NotFound

MAX_NAME_LENGTH = 60
MAX_DESCRIPTION_LENGTH = 300
MAX_CATEGORIES = 200
HUES = 360


@dataclass(frozen=True, slots=True)
class Shelf:
    """A shelf as staff sees it; `course_count` counts courses in any state."""

    id: uuid.UUID
    slug: str
    name: str
    description: str
    hue: int
    position: int
    course_count: int


def list_shelves() -> list[Shelf]:
    """Return every shelf in its order (there are at most 200)."""
    counted = select(func.count()).where(Course.category_id == Category.id).scalar_subquery()
    rows = db.session.execute(
        select(
            Category.id, Category.slug, Category.name, Category.description, Category.hue,
            Category.position, counted,
        ).order_by(Category.position, Category.name).limit(MAX_CATEGORIES)
    )  # fmt: skip
    return [Shelf(*row) for row in rows]


def get_shelf(category_id: uuid.UUID) -> Shelf:
    """Return a shelf. Raises NotFound."""
    for shelf in list_shelves():
        if shelf.id == category_id:
            return shelf
    raise NotFound


def create(name: str, description: str, hue: int) -> Category:
    """Put a new shelf behind the others. Raises InvalidInput."""
    shelves = _lock_all()
    if len(shelves) >= MAX_CATEGORIES:
        raise InvalidInput({"name": f"There are {MAX_CATEGORIES} categories, which is the most."})
    category = Category(
        slug=_free_slug(name, {shelf.slug for shelf in shelves}),
        name=_name(name, shelves, None),
        description=_description(description),
        hue=_hue(hue),
        position=max((shelf.position for shelf in shelves), default=-1) + 1,
    )
    db.session.add(category)
    db.session.flush()
    pages.refresh()
    return category


def change(
    category_id: uuid.UUID,
    *,
    name: str | None = None,
    description: str | None = None,
    hue: int | None = None,
    position: int | None = None,
) -> list[str]:
    """Change what is given; return the names of what is other than before.

    `position` counts from 0, and the others make room. Raises NotFound, InvalidInput.
    """
    shelves = _lock_all()
    category = next((shelf for shelf in shelves if shelf.id == category_id), None)
    if category is None:
        raise NotFound
    before = (category.name, category.description, category.hue, shelves.index(category))
    if name is not None:
        category.name = _name(name, shelves, category_id)
    if description is not None:
        category.description = _description(description)
    if hue is not None:
        category.hue = _hue(hue)
    if position is not None:
        shelves.remove(category)
        shelves.insert(position, category)
        for index, shelf in enumerate(shelves):
            shelf.position = index
    db.session.flush()
    after = (category.name, category.description, category.hue, shelves.index(category))
    if before != after:
        pages.refresh()
    fields = ("name", "description", "hue", "position")
    return [field for field, old, new in zip(fields, before, after, strict=True) if old != new]


def delete(category_id: uuid.UUID) -> str:
    """Delete a shelf that is empty; return its name. Raises NotFound, InUse.

    The lock on the shelf keeps a course from being put on it between the count and the deletion.
    """
    category = db.session.get(Category, category_id, with_for_update=True, populate_existing=True)
    if category is None:
        raise NotFound
    held = db.session.scalar(select(func.count()).where(Course.category_id == category_id)) or 0
    if held:
        raise InUse(
            f"There are courses in this category: {held}. Move them to another one first.",
            course_count=held,
        )
    name = category.name
    db.session.delete(category)
    db.session.flush()
    pages.refresh()
    return name


def _lock_all() -> list[Category]:
    """Return all shelves in their order; two who order them at once follow each other."""
    # A lock of rows would not hold back a shelf that is just being made.
    db.session.execute(select(func.pg_advisory_xact_lock(func.hashtext("categories"))))
    return list(
        db.session.scalars(
            select(Category)
            .order_by(Category.position, Category.name)
            .execution_options(populate_existing=True)
        )
    )


def _name(value: str, shelves: list[Category], own_id: uuid.UUID | None) -> str:
    name = " ".join(value.split())
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise InvalidInput({"name": f"Give a name of at most {MAX_NAME_LENGTH} characters."})
    if any(shelf.name.lower() == name.lower() for shelf in shelves if shelf.id != own_id):
        raise InvalidInput({"name": "There is a category of this name already."})
    return name


def _free_slug(name: str, taken: set[str]) -> str:
    wanted = slug_of(name)
    if wanted and wanted not in taken:
        return wanted
    return f"{wanted or 'category'}-{secrets.token_hex(3)}"


def _description(value: str) -> str:
    text = " ".join(value.split())
    if len(text) > MAX_DESCRIPTION_LENGTH or "\0" in text:
        raise InvalidInput({"description": f"Use at most {MAX_DESCRIPTION_LENGTH} characters."})
    return text


def _hue(value: int) -> int:
    if not 0 <= value < HUES:
        raise InvalidInput({"hue": "Choose a number from 0 to 359."})
    return value
