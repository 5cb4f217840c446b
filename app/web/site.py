"""What the site's people chose, for whoever answers: it stands while the database is away, too."""

import hashlib
from functools import lru_cache

from flask import g
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.database import db
from app.domain.site import choices
from app.domain.site.accent import stylesheet
from app.domain.site.choices import Choices


def chosen() -> Choices:
    """Return the choices; those last known when the database cannot be asked.

    Pages that tell of an error show the site's name and look as well. A page asks a dozen times,
    so a request asks once.
    """
    known: Choices | None = g.get("site_choices")
    if known is None:
        try:
            known = choices.current()
        except (OperationalError, PoolTimeout):
            db.session.rollback()
            known = choices.last_known()
        g.site_choices = known
    return known


@lru_cache(maxsize=360)
def look_version(hue: int) -> str:
    """Return what changes in the address of an accent's stylesheet when the sheet does."""
    return hashlib.sha256(stylesheet(hue).encode()).hexdigest()[:10]
