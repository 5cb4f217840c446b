"""The words of a receipt, ready to be set, and where the faces lie that they are set in."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

FONTS = Path(__file__).parent / "fonts"


@dataclass(frozen=True, slots=True)
class Line:
    """A row: words, smaller words below them, and an amount at the end."""

    text: str
    amount: str
    detail: str = ""
    is_strong: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Rows under a heading."""

    heading: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The words of a receipt, ready to be set."""

    language: str
    made_at: datetime
    title: str
    subject: str
    seller: str
    seller_details: str
    facts: tuple[tuple[str, str], ...]
    buyer_heading: str
    buyer: tuple[str, ...]
    parts: tuple[Part, ...]
    mark: str | None
    foot: str
