"""The door of a mailed link: looking is counted as well, for whether a link works is the secret."""

from app.web.auth import limits

METHODS = frozenset({"GET", "HEAD", "POST"})
link_door = limits.limited_by(limits.LINK, methods=METHODS)
