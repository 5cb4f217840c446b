"""Lists by keyset: the administration's name for what `app.web.paging` does."""

from app.web.paging import (
    MAX_PAGE_SIZE,
    PAGE_SIZE,
    NumberedPage,
    Page,
    Position,
    read_numbered_page,
    read_page,
)

__all__ = [
    "MAX_PAGE_SIZE",
    "PAGE_SIZE",
    "NumberedPage",
    "Page",
    "Position",
    "read_numbered_page",
    "read_page",
]
