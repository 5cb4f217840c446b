"""What people say of themselves and how they like the site: name, language, time zone, speed."""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from app.database import db
from app.domain.accounts import names, time_zones
from app.domain.accounts.models import Role, User
from app.errors import InvalidInput

LANGUAGES = ("en", "am")
TEACHING_ROLES = frozenset({Role.INSTRUCTOR, Role.ADMIN})
SLOWEST, FASTEST, STEP = Decimal("0.5"), Decimal(2), Decimal("0.25")
MAX_HEADLINE_LENGTH = 120
MAX_BIO_LENGTH = 2000


def presents_itself(role: Role) -> bool:
    """Whether people of this role are presented beside courses: with a headline and a bio."""
    return role in TEACHING_ROLES


def list_rates() -> list[Decimal]:
    """Return the speeds a video may play at, the slowest first."""
    return [SLOWEST + STEP * step for step in range(int((FASTEST - SLOWEST) / STEP) + 1)]


def change(user: User, changes: Mapping[str, Any]) -> list[str]:
    """Change the named fields of a profile; return the names of what differs now.

    Text that is blank, or None, empties a field. Raises InvalidInput naming each wrong field.
    """
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for field, value in changes.items():
        if field in ("headline", "bio") and not presents_itself(user.role):
            faults[field] = "Only people who teach have one."
            continue
        try:
            values[field] = _READERS[field](value)
        except ValueError as error:
            faults[field] = str(error)
    if faults:
        raise InvalidInput(faults)
    changed = [field for field, value in values.items() if getattr(user, field) != value]
    for field in changed:
        setattr(user, field, values[field])
    db.session.flush()
    return changed


def _name(value: str | None) -> str:
    name = names.tidy(value or "")
    if fault := names.find_fault(name):
        raise ValueError(fault)
    return name


def _headline(value: str | None) -> str | None:
    headline = " ".join((value or "").split())
    if len(headline) > MAX_HEADLINE_LENGTH:
        raise ValueError(f"Use at most {MAX_HEADLINE_LENGTH} characters.")
    if headline and not headline.isprintable():
        raise ValueError("Use letters, digits and spaces.")
    return headline or None


def _bio(value: str | None) -> str | None:
    bio = "\n".join(line.rstrip() for line in (value or "").splitlines()).strip()
    if len(bio) > MAX_BIO_LENGTH:
        raise ValueError(f"Use at most {MAX_BIO_LENGTH} characters.")
    if not bio.replace("\n", "").isprintable():
        raise ValueError("Use letters, digits, spaces and line breaks.")
    return bio or None


def _locale(value: str | None) -> str | None:
    if value and value not in LANGUAGES:
        raise ValueError("Choose one of the languages of this site.")
    return value or None


def _timezone(value: str | None) -> str | None:
    if value and not time_zones.is_known(value):
        raise ValueError("Choose a time zone from the list.")
    return value or None


def _rate(value: Any) -> Decimal:
    try:
        rate = Decimal(str(value))
    except InvalidOperation:
        rate = Decimal(0)
    if not rate.is_finite() or rate not in list_rates():
        raise ValueError("Choose one of the speeds of the player.")
    return rate


_READERS: dict[str, Callable[[Any], Any]] = {
    "name": _name,
    "headline": _headline,
    "bio": _bio,
    "locale": _locale,
    "timezone": _timezone,
    "playback_rate": _rate,
}
