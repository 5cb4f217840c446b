"""How long this room keeps what has served its turn."""

from datetime import timedelta

from sqlalchemy import delete, or_, select

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Ceremony, OneTimeToken

KEPT_FOR = timedelta(days=30)
BATCH = 1000


def forget_old_links() -> int:
    """Delete some one-time links used or expired a month ago; return how many went."""
    return _forget(OneTimeToken)


def forget_old_ceremonies() -> int:
    """Delete some ceremonies ended or expired a month ago; return how many went."""
    return _forget(Ceremony)


def _forget(table: type[OneTimeToken] | type[Ceremony]) -> int:
    before = utcnow() - KEPT_FOR
    old = select(table.id).where(or_(table.expires_at < before, table.used_at < before))
    gone = db.session.scalars(
        delete(table)
        .where(table.id.in_(old.limit(BATCH)))
        .returning(table.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())
