"""Lists by keyset: a cursor names the last row shown, so page 1,000 costs what page 1 does."""

import base64
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from flask import request

from app.errors import InvalidInput

Position = tuple[datetime, uuid.UUID]
PAGE_SIZE = 50
MAX_PAGE_SIZE = 100
MAX_LIMIT_DIGITS = 8
MAX_NUMBER_DIGITS = 19


class Listed(Protocol):
    """What a list is ordered by: newest first, the id deciding ties."""

    @property
    def id(self) -> uuid.UUID: ...

    @property
    def created_at(self) -> datetime: ...


Row = TypeVar("Row", bound=Listed)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows and the cursor of those behind them, None at the end."""

    items: Sequence[Row]
    next_cursor: str | None


def read_page(list_rows: Callable[[Position | None, int], list[Row]]) -> Page[Row]:
    """Return the page that `?cursor=` and `?limit=` ask for. Raises InvalidInput."""
    limit = _limit(request.args.get("limit"))
    cursor = request.args.get("cursor")
    rows = list_rows(_position(cursor) if cursor else None, limit + 1)
    shown = rows[:limit]
    return Page(shown, _cursor(shown[-1]) if len(rows) > limit else None)


def _limit(given: str | None) -> int:
    if given is None:
        return PAGE_SIZE
    is_number = len(given) <= MAX_LIMIT_DIGITS and given.isascii() and given.isdigit()
    if not is_number or not 1 <= int(given) <= MAX_PAGE_SIZE:
        raise InvalidInput({"limit": f"Ask for 1 to {MAX_PAGE_SIZE} items."})
    return int(given)


def _cursor(row: Listed) -> str:
    text = f"{row.created_at.isoformat()} {row.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _position(cursor: str) -> Position:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        moment, _, row_id = text.partition(" ")
        return datetime.fromisoformat(moment).astimezone(UTC), uuid.UUID(row_id)
    except (ValueError, OverflowError) as error:
        raise InvalidInput({"cursor": "Use a next_cursor as it was given."}) from error


class Numbered(Protocol):
    """What the trail is ordered by: the number of a row."""

    @property
    def id(self) -> int: ...


NumberedRow = TypeVar("NumberedRow", bound=Numbered)


@dataclass(frozen=True, slots=True)
class NumberedPage(Generic[NumberedRow]):
    """Some numbered rows and the cursor of those behind them, None at the end."""

    items: Sequence[NumberedRow]
    next_cursor: str | None


def read_numbered_page(
    list_rows: Callable[[int | None, int], list[NumberedRow]],
) -> NumberedPage[NumberedRow]:
    """Return the page of numbered rows that the address asks for. Raises InvalidInput."""
    limit = _limit(request.args.get("limit"))
    rows = list_rows(_number(request.args.get("cursor")), limit + 1)
    shown = rows[:limit]
    return NumberedPage(shown, str(shown[-1].id) if len(rows) > limit else None)


def _number(cursor: str | None) -> int | None:
    if not cursor:
        return None
    if len(cursor) > MAX_NUMBER_DIGITS or not (cursor.isascii() and cursor.isdigit()):
        raise InvalidInput({"cursor": "Use a next_cursor as it was given."})
    return int(cursor)
