"""What the people who run the site decided: read by every page, so kept for some seconds.

A choice that was not made, or that the installation no longer allows, is the installation's.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import event, select
from sqlalchemy.dialects.postgresql import insert

from app.clock import utcnow
from app.current import settings
from app.database import db
from app.domain.site.models import SiteChoices
from app.errors import InvalidInput, VersionConflict

# How long another process may go on with what was chosen before.
KEPT_FOR = timedelta(seconds=15)
ASK_AGAIN_AFTER = timedelta(seconds=2)
MAX_NAME_LENGTH = 60
MAX_INSTRUCTIONS_LENGTH = 2000
MAX_PROVISIONAL_HOURS = 14 * 24
SMALLEST_UPLOAD_BYTES = 1024**2
SMALLEST_QUOTA_BYTES = 1024**3
LARGEST_QUOTA_BYTES = 1024**5


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen, and by `name`, `max_streams` and `max_video_upload_bytes` what counts."""

    version: int = 0
    chosen_name: str | None = None
    accent_hue: int | None = None
    logo_id: uuid.UUID | None = None
    support_email: str | None = None
    chosen_max_streams: int | None = None
    chosen_max_video_upload_bytes: int | None = None
    media_quota_bytes: int | None = None
    takes_cards: bool = True
    takes_transfers: bool = False
    transfer_instructions: str = ""
    provisional_access_hours: int = 0
    receipt_details: str = ""

    @property
    def name(self) -> str:
        """Return what the site is called."""
        return self.chosen_name or settings.site_name

    @property
    def max_streams(self) -> int:
        """Return how many streams one account may have at a time."""
        return min(self.chosen_max_streams or settings.max_streams, settings.max_streams)

    @property
    def max_video_upload_bytes(self) -> int:
        """Return how large a video may be."""
        largest = settings.max_video_upload_bytes
        return min(self.chosen_max_video_upload_bytes or largest, largest)


@dataclass(frozen=True, slots=True)
class _Kept:
    """The choices as read from one database at one moment."""

    engine: Any
    read_at: datetime
    choices: Choices


_OWN_NAMES = {
    "name": "chosen_name",
    "max_streams": "chosen_max_streams",
    "max_video_upload_bytes": "chosen_max_video_upload_bytes",
}
_COLUMNS = {field.name: field.name for field in fields(Choices)} | {
    ours: column for column, ours in _OWN_NAMES.items()
}
_READ = select(*(getattr(SiteChoices, column).label(ours) for ours, column in _COLUMNS.items()))

_kept: _Kept | None = None


def current() -> Choices:
    """Return the choices as they are, or were at most 15 seconds ago."""
    engine, now = db.engine, utcnow()
    kept = _kept
    if kept and kept.engine is engine and timedelta(0) <= now - kept.read_at < KEPT_FOR:
        return kept.choices
    return _keep(read(), now)


def last_known() -> Choices:
    """Return the choices without asking a database that is away; nobody asks for two seconds."""
    kept = _kept
    known = kept.choices if kept and kept.engine is db.engine else Choices()
    return _keep(known, utcnow() - KEPT_FOR + ASK_AGAIN_AFTER)


def read() -> Choices:
    """Return the choices from the database."""
    row = db.session.execute(_READ).first()
    return Choices(**row._asdict()) if row else Choices()


def forget() -> None:
    """Ask the database again next time."""
    global _kept
    _kept = None


def _keep(choices: Choices, now: datetime) -> Choices:
    global _kept
    _kept = _Kept(db.engine, now, choices)
    return choices


def change(
    changed_by: uuid.UUID, changes: Mapping[str, Any], version: int | None = None
) -> list[str]:
    """Change the named choices; return the names of those that are other than before.

    None leaves a choice to the installation. `version` is the one that was seen; without it the
    last change wins. Raises InvalidInput, VersionConflict.
    """
    settled = _settle(changes)
    now = utcnow()
    db.session.execute(insert(SiteChoices).values(id=1, version=0).on_conflict_do_nothing())
    row = db.session.get_one(SiteChoices, 1, with_for_update=True, populate_existing=True)
    if version is not None and version != row.version:
        raise VersionConflict(current={"version": row.version})
    changed = [name for name, value in settled.items() if getattr(row, name) != value]
    if not changed:
        return []
    for name in changed:
        setattr(row, name, settled[name])
    row.version += 1
    row.updated_at, row.updated_by_id = now, changed_by
    db.session.flush()
    # Before the commit another thread would keep what it reads: the choices of before.
    event.listen(db.session(), "after_commit", lambda _: forget(), once=True)
    return changed


def _settle(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as they are stored. Raises InvalidInput naming each wrong one."""
    settled: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for name, value in changes.items():
        try:
            settled[name] = None if value is None and name in OPTIONAL else RULES[name](value)
        except ValueError as error:
            faults[name] = str(error)
    if faults:
        raise InvalidInput(faults)
    return settled


def _name(value: str) -> str | None:
    name = " ".join(value.split())
    if len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise ValueError(f"Use at most {MAX_NAME_LENGTH} characters.")
    return name or None


def _email(value: str) -> str | None:
    if not value.strip():
        return None
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - long to load

    try:
        checked = validate_email(value.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise ValueError("Give an e-mail address such as help@example.com.") from None
    return checked.normalized


def _yes_or_no(value: bool | None) -> bool:
    if value is None:
        raise ValueError("Say true or false.")
    return value


def _text(value: str | None) -> str:
    text = (value or "").replace("\r\n", "\n").strip()
    if len(text) > MAX_INSTRUCTIONS_LENGTH or "\0" in text:
        raise ValueError(f"Use at most {MAX_INSTRUCTIONS_LENGTH} characters.")
    return text


def _within(least: int, most: Callable[[], int]) -> Callable[[int], int]:
    def check(value: int) -> int:
        if not least <= value <= most():
            raise ValueError(f"Choose a number from {least} to {most()}.")
        return value

    return check


def _hours(value: int | None) -> int:
    if value is None:
        raise ValueError("Give a number of hours; 0 for none.")
    return _within(0, lambda: MAX_PROVISIONAL_HOURS)(value)


RULES: dict[str, Callable[[Any], Any]] = {
    "name": _name,
    "accent_hue": _within(0, lambda: 359),
    "logo_id": lambda value: value,
    "support_email": _email,
    "max_streams": _within(1, lambda: settings.max_streams),
    "max_video_upload_bytes": _within(
        SMALLEST_UPLOAD_BYTES, lambda: settings.max_video_upload_bytes
    ),
    "media_quota_bytes": _within(SMALLEST_QUOTA_BYTES, lambda: LARGEST_QUOTA_BYTES),
    "takes_cards": _yes_or_no,
    "takes_transfers": _yes_or_no,
    "transfer_instructions": _text,
    "provisional_access_hours": _hours,
    "receipt_details": _text,
}
OPTIONAL = frozenset(RULES) - {
    "takes_cards",
    "takes_transfers",
    "transfer_instructions",
    "provisional_access_hours",
    "receipt_details",
}
