"""How the gateways stand: what they told last, how late, and what of it waits."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.database import db
from app.domain.checkout.models import EventOutcome, WebhookEvent
from app.domain.checkout.transfer_models import PaymentProof

LATELY = 50


@dataclass(frozen=True, slots=True)
class GatewayStanding:
    """The last event of a gateway; `lag_seconds` is the median of the last ones, as they came."""

    last_type: str | None
    last_at: datetime | None
    lag_seconds: float | None
    waiting: int
    waiting_since: datetime | None
    refused: int


def gateway_standing(gateway: str) -> GatewayStanding:
    """Return how the events of a gateway stand; those refused are of the last 50."""
    lately = (
        select(
            WebhookEvent.type,
            WebhookEvent.received_at,
            WebhookEvent.outcome,
            func.extract("epoch", WebhookEvent.received_at - WebhookEvent.created_at).label("lag"),
        )
        .where(WebhookEvent.gateway == gateway)
        .order_by(WebhookEvent.received_at.desc())
        .limit(LATELY)
        .subquery()
    )
    lag, refused = db.session.execute(
        select(
            func.percentile_cont(0.5).within_group(lately.c.lag),
            func.count().filter(lately.c.outcome == EventOutcome.REFUSED),
        )
    ).one()
    last = db.session.execute(
        select(lately.c.type, lately.c.received_at).order_by(lately.c.received_at.desc()).limit(1)
    ).first()
    waiting, since = db.session.execute(
        select(func.count(), func.min(WebhookEvent.received_at)).where(
            WebhookEvent.outcome == EventOutcome.WAITING, WebhookEvent.gateway == gateway
        )
    ).one()
    return GatewayStanding(
        last_type=last[0] if last else None,
        last_at=last[1] if last else None,
        lag_seconds=None if lag is None else max(0.0, float(lag)),
        waiting=waiting,
        waiting_since=since,
        refused=refused,
    )


def stored_bytes() -> dict[str, int]:
    """Return the bytes that proofs of payment take in the storage."""
    return {"proofs": int(db.session.scalar(select(func.sum(PaymentProof.size_bytes))) or 0)}
