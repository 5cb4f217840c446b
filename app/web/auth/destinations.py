"""Where to go after signing in: a page of this site, whatever the address asked for."""

from urllib.parse import urlsplit

from flask import url_for

MAX_LENGTH = 2000
# Sent there, a person would be signed out again, asked again, or shown raw JSON.
POINTLESS = ("/auth/", "/api/", "/media/", "/static/")


def local_path(value: str | None) -> str | None:
    """Return `value` when it is a path on this very site, else None.

    Browsers read a backslash as a slash and drop tabs and line breaks before they look, so
    `/\\evil.example` and `/<tab>/evil.example` are other sites as much as `//evil.example` is.
    """
    if not value or len(value) > MAX_LENGTH or not value.startswith("/"):
        return None
    if value.startswith("//") or "\\" in value:
        return None
    if any(character.isspace() or not character.isprintable() for character in value):
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc else value


def after_sign_in(wanted: str | None) -> str:
    """Return the page a person asked for before signing in, or their dashboard."""
    path = local_path(wanted)
    if path is None or path.startswith(POINTLESS):
        return url_for("courses.dashboard")
    return path
