"""What our books and a gateway's disagree on, kept until somebody has settled it."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.clock import utcnow
from app.database import db
from app.domain.checkout.difference_models import BookDifference
from app.domain.checkout.models import Order
from app.domain.checkout.reconciliation import Difference
from app.errors import NotFound


@dataclass(frozen=True, slots=True)
class OpenDifference:
    """A difference that nobody has settled yet; `order_id` is None where no order is named."""

    id: int
    method: str
    number: str
    order_id: uuid.UUID | None
    what: str
    since: datetime


def keep(found: Difference) -> None:
    """Keep a difference for people to look at; one that is known already stays as it is."""
    db.session.execute(
        insert(BookDifference)
        .values(method=found.method, order_number=found.order, what=found.what, found_at=utcnow())
        .on_conflict_do_nothing()
    )


def list_open(limit: int) -> list[OpenDifference]:
    """Return the differences nobody has settled, the latest first."""
    rows = db.session.execute(
        select(
            BookDifference.id,
            BookDifference.method,
            BookDifference.order_number,
            Order.id,
            BookDifference.what,
            BookDifference.found_at,
        )
        .outerjoin(Order, Order.number == BookDifference.order_number)
        .where(BookDifference.settled_at.is_(None))
        .order_by(BookDifference.found_at.desc(), BookDifference.id.desc())
        .limit(limit)
    )
    return [OpenDifference(*row) for row in rows]


def count_open() -> int:
    """Return how many differences nobody has settled."""
    statement = select(func.count()).where(BookDifference.settled_at.is_(None))
    return db.session.execute(statement).scalar_one()


def settle(difference_id: int) -> BookDifference | None:
    """Mark a difference as settled; return it, or None when it was before. Raises NotFound."""
    found = db.session.get(BookDifference, difference_id, with_for_update=True)
    if found is None:
        raise NotFound
    if found.settled_at is not None:
        return None
    found.settled_at = utcnow()
    return found
