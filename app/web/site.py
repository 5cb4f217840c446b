"""What the site's people chose, for whoever answers: it stands while the database is away, too."""

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.database import db
from app.domain.site import choices
from app.domain.site.choices import Choices


def chosen() -> Choices:
    """Return the choices; those last known when the database cannot be asked.

    Pages that tell of an error show the site's name and look as well.
    """
    try:
        return choices.current()
    except (OperationalError, PoolTimeout):
        db.session.rollback()
        return choices.last_known()
