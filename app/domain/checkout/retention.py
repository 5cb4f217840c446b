"""How long it stays known what gateways wrote: their events name buyers and their addresses."""

from datetime import timedelta

from sqlalchemy import select, update

from app.clock import utcnow
from app.database import db
from app.domain.checkout.models import WebhookEvent

KEPT_FOR = timedelta(days=90)
LOOKS_BACK = timedelta(days=365)
BATCH = 1000


def forget_old_payloads() -> int:
    """Forget the text of some events of three months ago; return how many.

    That they came, and what came of them, stays: an event sent again is still known by its id.
    """
    before = utcnow() - KEPT_FOR
    old = (
        select(WebhookEvent.id)
        .where(
            WebhookEvent.received_at < before,
            WebhookEvent.received_at > before - LOOKS_BACK,
            WebhookEvent.payload != "",
        )
        .limit(BATCH)
    )
    gone = db.session.scalars(
        update(WebhookEvent)
        .where(WebhookEvent.id.in_(old))
        .values(payload="")
        .returning(WebhookEvent.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())
