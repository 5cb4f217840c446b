"""What the catalog may be narrowed and sorted by, as values that also make its addresses."""

import enum
from dataclasses import dataclass
from typing import Final

from app.domain.courses.models import Level

PAGE_SIZE = 12
MAX_PAGES = 100
MAX_QUERY_LENGTH = 100


class Price(enum.StrEnum):
    FREE = "free"
    PAID = "paid"


class Sort(enum.StrEnum):
    """Orders of the catalog; with a search, POPULAR means the best match first."""

    POPULAR = "popular"
    NEWEST = "newest"
    TITLE = "title"
    PRICE = "price"


class Kept(enum.Enum):
    """Stands for what a link leaves as it is; None already means any."""

    KEPT = enum.auto()


KEPT: Final = Kept.KEPT


def clean_query(text: str) -> str:
    """Return what somebody typed as one short printable line."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:MAX_QUERY_LENGTH].rstrip()


@dataclass(frozen=True, slots=True)
class CatalogFilters:
    """One catalog page: the search words, the filters, the order and the page, from 1.

    `category` is a slug, `language` a BCP 47 tag; both may be unknown and then match nothing.
    """

    q: str = ""
    category: str | None = None
    level: Level | None = None
    language: str | None = None
    price: Price | None = None
    sort: Sort = Sort.POPULAR
    page: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "q", clean_query(self.q))
        object.__setattr__(self, "page", min(max(self.page, 1), MAX_PAGES))

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but order and page was chosen."""
        return bool(self.q or self.category or self.level or self.language or self.price)

    def as_query(
        self,
        *,
        q: str | Kept = KEPT,
        category: str | Kept | None = KEPT,
        level: str | Kept | None = KEPT,
        language: str | Kept | None = KEPT,
        price: str | Kept | None = KEPT,
        sort: str | Kept = KEPT,
        page: int | None = None,
    ) -> dict[str, str]:
        """Return the query parameters of these filters, some changed, defaults left out.

        What a link of the page passes to `url_for`. With other filters the page starts over,
        unless it is named.
        """
        changes = {
            "q": q,
            "category": category,
            "level": level,
            "language": language,
            "price": price,
            "sort": sort,
        }
        values = {
            name: getattr(self, name) if change is KEPT else change
            for name, change in changes.items()
        }
        is_same = all(change is KEPT for change in changes.values())
        values["page"] = page or (self.page if is_same else 1)
        defaults = {"sort": Sort.POPULAR, "page": 1}
        return {
            name: str(value)
            for name, value in values.items()
            if value and value != defaults.get(name)
        }
