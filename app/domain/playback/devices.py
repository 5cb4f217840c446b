"""Device names for people ("Chrome on Android"), read off a user agent; never used to decide."""

from itertools import chain

BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def _first(pairs: tuple[tuple[str, str], ...], agent: str) -> str | None:
    return next((name for mark, name in pairs if mark in agent), None)


def name_of(user_agent: str) -> str:
    """Return a short name for the device, for its owner to recognise it by."""
    known = chain((_first(BROWSERS, user_agent),), (_first(SYSTEMS, user_agent),))
    parts = [part for part in known if part]
    return " on ".join(parts) if parts else "Another device"
