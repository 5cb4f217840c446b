"""The API key that a request shows as Bearer authorization, and where one is looked at."""

from flask import request

from app.domain.accounts import key_tokens
from app.web.scopes import OPEN

KEY_PATHS = ("/api/", "/media/")
# Beside a session cookie it takes a playback token as Bearer, which is no key and is read there.
TOKEN_ENDPOINT = "playback.manifest"  # noqa: S105 - a name


def token() -> str | None:
    """Return what stands behind `Authorization: Bearer`, if something does."""
    shown: str = request.environ.get("HTTP_AUTHORIZATION", "")
    scheme, _, value = shown.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def api_key() -> str | None:
    """Return the request's API key, valid or not; pages and what is open to all look at none."""
    shown = token()
    if shown is None or not request.path.startswith(KEY_PATHS) or request.endpoint in OPEN:
        return None
    if request.endpoint == TOKEN_ENDPOINT and not key_tokens.is_like_a_key(shown):
        return None
    return shown
