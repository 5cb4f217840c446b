"""What the catalog may be narrowed and sorted by, as values that also make its addresses."""

import enum
from dataclasses import dataclass, replace
from typing import Self

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

    def but(self, **changes: object) -> Self:
        """Return the filters with some changed; the page starts over unless it is named."""
        return replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]

    def as_query(self, **changes: object) -> dict[str, str]:
        """Return the query parameters of these filters, `changes` applied, defaults left out.

        What a link of the page passes to `url_for`; the page starts over unless it is named.
        """
        chosen = self.but(**changes) if changes else self
        values = {
            "q": chosen.q,
            "category": chosen.category or "",
            "level": chosen.level or "",
            "language": chosen.language or "",
            "price": chosen.price or "",
            "sort": chosen.sort if chosen.sort != Sort.POPULAR else "",
            "page": str(chosen.page) if chosen.page > 1 else "",
        }
        return {name: str(value) for name, value in values.items() if value}
