"""The CDN role: where segments are fetched from, and the short-lived grant to fetch them.

The clients live in `cloudfront_cdn` and `local_cdn`; which one serves is decided by settings.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

MEDIA_PATH = "/media"


@dataclass(frozen=True, slots=True)
class GrantCookie:
    """A cookie to set as HttpOnly; `domain` None means host-only, `path` covers one generation."""

    name: str
    value: str
    path: str
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to fetch one generation of one video until `expires_at`.

    `query` (without `?`, may be empty) belongs on every segment request; `cookies` do the same
    for players that cannot add one.
    """

    query: str
    cookies: tuple[GrantCookie, ...]
    expires_at: datetime

    @property
    def mode(self) -> Literal["query", "cookie"]:
        """How a script-driven player shows the grant."""
        return "query" if self.query else "cookie"


class Cdn(Protocol):
    """Grants access to the folder `/media/<prefix>/`, prefix being `<video>/<generation>`."""

    def grant(
        self,
        prefix: str,
        login_session_hash: bytes,
        playback_session_id: UUID,
        expires_at: datetime,
    ) -> Grant:
        """Sign leave to fetch everything below `prefix` until `expires_at`."""
        ...

    def segment_base(self, prefix: str) -> str:
        """Return the URL below which the segments of `prefix` lie, without a trailing slash."""
        ...

    def expired_cookies(self, prefix: str) -> tuple[GrantCookie, ...]:
        """Return the cookies of `prefix` without values, for taking a grant back."""
        ...
