"""What a course's own fields may hold: one check for the builder, programs and archives."""

import re
import unicodedata
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from app.database import db
from app.domain.accounts.models import Role, User, UserStatus
from app.domain.courses.models import Category, Course, EnrollmentPolicy, Level
from app.errors import InvalidInput

MAX_TITLE = 120
MAX_PITCH = 200
MAX_DESCRIPTION = 20_000
MAX_LINES = 20
MAX_LINE = 200
MAX_SLUG = 80
MAX_PRICE_MINOR = 100_000_000
MAX_SEATS = 1_000_000
CURRENCIES = ("ETB", "EUR", "GBP", "KES", "USD")
# Addresses of the site that a course of this name would hide.
RESERVED_SLUGS = frozenset({"category", "enrolled"})

_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2}")
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_BREAKS = re.compile(r"[^a-z0-9]+")


class Money(TypedDict):
    """An amount in minor units of an ISO 4217 currency; 0 is free."""

    amount_minor: int
    currency: str


class CourseChanges(TypedDict, total=False):
    """New values of a course's fields; what is absent stays as it is.

    Without a `seat_limit` any number of people may come in.
    """

    title: str
    slug: str
    pitch: str
    description: str
    category_id: uuid.UUID
    level: Level
    language: str
    price: Money
    outcomes: list[str]
    requirements: list[str]
    enrollment_policy: EnrollmentPolicy
    has_certificate: bool
    has_discussion: bool
    seat_limit: int | None
    instructor_id: uuid.UUID


def slug_of(title: str) -> str:
    """Return the title as an address, or nothing where it has no Latin letter or digit."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = _BREAKS.sub("-", plain)[:MAX_SLUG].strip("-")
    return "" if slug in RESERVED_SLUGS else slug


def one_line(text: str) -> str:
    """Return `text` in one printable line."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())


def many_lines(text: str) -> str:
    """Return `text` with plain line ends and without what PostgreSQL cannot keep."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def columns_of(changes: CourseChanges) -> dict[str, Any]:
    """Return the changes as columns of Course. Raises InvalidInput naming each wrong field."""
    faults: dict[str, str] = {}
    columns: dict[str, Any] = {}
    for name, value in changes.items():
        if name == "price":
            columns |= _price(changes["price"], faults)
        else:
            columns[name] = _CLEAN.get(name, lambda given: given)(value)
    _check(columns, faults)
    if faults:
        raise InvalidInput(faults)
    return columns


def values_of(course: Course) -> dict[str, Any]:
    """Return what `changes` may change, by the same names, as it is now."""
    names = CourseChanges.__annotations__.keys() - {"price"}
    price = {"amount_minor": course.price_minor, "currency": course.currency}
    return {name: getattr(course, name) for name in sorted(names)} | {"price": price}


def lines(texts: Iterable[str]) -> list[str]:
    """Return each text in one line, the empty ones left out."""
    return [line for line in map(one_line, texts) if line]


_CLEAN: Mapping[str, Any] = {
    "title": one_line,
    "pitch": one_line,
    "description": many_lines,
    "outcomes": lines,
    "requirements": lines,
    "slug": str.strip,
    "language": str.strip,
}


def _price(price: Money, faults: dict[str, str]) -> dict[str, Any]:
    if price["currency"] not in CURRENCIES:
        faults["price.currency"] = f"Use one of {', '.join(CURRENCIES)}."
    if not 0 <= price["amount_minor"] <= MAX_PRICE_MINOR:
        faults["price.amount_minor"] = "Give a price from 0 to 1,000,000.00."
    return {"price_minor": price["amount_minor"], "currency": price["currency"]}


def _check(columns: Mapping[str, Any], faults: dict[str, str]) -> None:
    for name, most in _LENGTHS.items():
        if len(columns.get(name, "")) > most:
            faults[name] = f"Use at most {most:,} characters."
    if columns.get("title") == "":
        faults["title"] = "Give the course a title."
    for name in ("outcomes", "requirements"):
        points = columns.get(name, [])
        if len(points) > MAX_LINES or any(len(point) > MAX_LINE for point in points):
            faults[name] = f"Use at most {MAX_LINES} lines of {MAX_LINE} characters."
    for name, fault_of in _CHECKS.items():
        if name in columns and (fault := fault_of(columns[name])):
            faults[name] = fault


def _slug_fault(slug: str) -> str | None:
    if not _SLUG.fullmatch(slug) or len(slug) > MAX_SLUG:
        return f"Use a-z, 0-9 and single hyphens, at most {MAX_SLUG} characters."
    return "The site uses this address itself. Choose another." if slug in RESERVED_SLUGS else None


def _language_fault(language: str) -> str | None:
    is_tag = _LANGUAGE.fullmatch(language) is not None
    return None if is_tag else "Use a language tag such as en, am or pt-BR."


def _category_fault(category_id: uuid.UUID) -> str | None:
    is_known = db.session.get(Category, category_id) is not None
    return None if is_known else "Choose one of the categories."


def _instructor_fault(user_id: uuid.UUID) -> str | None:
    user = db.session.get(User, user_id)
    if user and user.role in (Role.INSTRUCTOR, Role.ADMIN) and user.status is UserStatus.ACTIVE:
        return None
    return "Choose an instructor or administrator whose account is open."


def _seat_fault(seats: int | None) -> str | None:
    if seats is None or 1 <= seats <= MAX_SEATS:
        return None
    return "Give a number from 1 to 1,000,000, or nothing for no limit."


_LENGTHS = {"title": MAX_TITLE, "pitch": MAX_PITCH, "description": MAX_DESCRIPTION}
_CHECKS: Mapping[str, Callable[[Any], str | None]] = {
    "slug": _slug_fault,
    "language": _language_fault,
    "category_id": _category_fault,
    "instructor_id": _instructor_fault,
    "seat_limit": _seat_fault,
}
