"""The inbox of gateways' events: each is kept once, in one transaction with its effect."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from app import metrics
from app.clock import utcnow
from app.current import integrations
from app.database import db
from app.domain.checkout import fulfilment, recording
from app.domain.checkout.models import EventOutcome, Order, WebhookEvent
from app.domain.outbox import jobs
from app.errors import NotFound
from app.integrations.payments import GatewayEvent, Report

LOOK_UP_TASK = "payments.look_up"
WRONG_MODE = "The event is of the other mode than the key: test for live, or live for test."
UNKNOWN_ORDER = "It names an order that is not here."


def receive(event: GatewayEvent, method: str) -> EventOutcome:
    """Keep an event with its effect; one that was kept before has none. Return what came of it.

    What cannot be told from the event alone is asked at the gateway by a job.
    """
    # A gateway repeats itself, and may do so at once: the second copy waits here until the first
    # one's transaction ends, and then finds its row.
    received_at = utcnow()
    row_id = db.session.scalar(
        insert(WebhookEvent)
        .values(
            gateway=method,
            event_id=event.event_id,
            type=event.type,
            payload=event.payload,
            payment_id=_payment_of(event.report),
            outcome=EventOutcome.IGNORED,
            created_at=event.created_at,
            received_at=received_at,
            is_live=event.is_live,
        )
        .on_conflict_do_nothing(index_elements=["gateway", "event_id"])
        .returning(WebhookEvent.id)
    )
    if row_id is None:
        return _outcome_of(method, event.event_id)
    outcome, order_id, detail = _take_effect(event, method)
    db.session.execute(
        update(WebhookEvent)
        .where(WebhookEvent.id == row_id)
        .values(outcome=outcome, order_id=order_id, detail=detail)
        .execution_options(synchronize_session=False)
    )
    if outcome is not EventOutcome.WAITING:
        _count(method, received_at)
    return outcome


def _count(method: str, received_at: datetime) -> None:
    lag = utcnow() - received_at
    metrics.webhook_lag_seconds.labels(method).observe(max(0.0, lag.total_seconds()))


def finish_waiting(method: str, payment_id: str, order_id: uuid.UUID | None) -> None:
    """Say of the events that waited for a payment that it was looked up; None: it is not ours."""
    outcome = EventOutcome.IGNORED if order_id is None else EventOutcome.APPLIED
    _finish(method, payment_id, outcome, order_id, None)


def refuse_waiting(method: str, payment_id: str, detail: str) -> None:
    """Say of the events that waited for a payment that the gateway will not tell about it."""
    _finish(method, payment_id, EventOutcome.REFUSED, None, detail[: recording.MAX_DETAIL_LENGTH])


def list_waiting(before: datetime, limit: int) -> list[tuple[str, str]]:
    """Return method and payment of events that have waited since `before`, the oldest first."""
    rows = db.session.execute(
        select(WebhookEvent.gateway, WebhookEvent.payment_id)
        .where(
            WebhookEvent.outcome == EventOutcome.WAITING,
            WebhookEvent.received_at < before,
            WebhookEvent.payment_id.is_not(None),
        )
        .order_by(WebhookEvent.received_at)
        .limit(limit)
    )
    return list(dict.fromkeys((gateway, payment_id or "") for gateway, payment_id in rows))


def _take_effect(
    event: GatewayEvent, method: str
) -> tuple[EventOutcome, uuid.UUID | None, str | None]:
    if event.is_live != integrations.gateways[method].is_live:
        return EventOutcome.REFUSED, None, WRONG_MODE
    report = event.report
    if report is None:
        return EventOutcome.IGNORED, None, None
    if event.needs_look_up and report.received is None:
        return _wait(report, method, _known_order(report, method))
    try:
        applied = fulfilment.apply(report, method)
    except NotFound:
        if report.order_id is None and not event.needs_look_up:
            return EventOutcome.IGNORED, None, None  # of something else that uses the account
        if report.order_id is None:
            return _wait(report, method, None)
        return EventOutcome.REFUSED, None, UNKNOWN_ORDER
    if applied.needs_look_up:
        return _wait(report, method, applied.order.id)
    return EventOutcome.APPLIED, applied.order.id, None


def _wait(
    report: Report, method: str, order_id: uuid.UUID | None
) -> tuple[EventOutcome, uuid.UUID | None, str | None]:
    payment_id = _payment_of(report)
    if payment_id is None:
        return EventOutcome.APPLIED, order_id, None  # the sweeper asks for open orders anyway
    jobs.enqueue(
        LOOK_UP_TASK,
        queueing_lock=f"{LOOK_UP_TASK} {method} {payment_id}",
        method=method,
        payment_id=payment_id,
    )
    return EventOutcome.WAITING, order_id, None


def _known_order(report: Report, method: str) -> uuid.UUID | None:
    payment_id = _payment_of(report)
    payment = recording.find_payment(method, payment_id) if payment_id else None
    if payment is not None:
        return payment.order_id
    if report.order_id is None:
        return None
    return db.session.scalar(select(Order.id).where(Order.id == report.order_id))


def _payment_of(report: Report | None) -> str | None:
    if report is None:
        return None
    return report.received.payment_id if report.received else report.payment_id


def _outcome_of(method: str, event_id: str) -> EventOutcome:
    return db.session.scalars(
        select(WebhookEvent.outcome).where(
            WebhookEvent.gateway == method, WebhookEvent.event_id == event_id
        )
    ).one()


def _finish(
    method: str,
    payment_id: str,
    outcome: EventOutcome,
    order_id: uuid.UUID | None,
    detail: str | None,
) -> None:
    values: dict[str, Any] = {"outcome": outcome, "detail": detail}
    if order_id is not None:
        values["order_id"] = order_id
    finished = db.session.scalars(
        update(WebhookEvent)
        .where(
            WebhookEvent.gateway == method,
            WebhookEvent.payment_id == payment_id,
            WebhookEvent.outcome == EventOutcome.WAITING,
        )
        .values(values)
        .returning(WebhookEvent.received_at)
        .execution_options(synchronize_session=False)
    )
    for received_at in finished:
        _count(method, received_at)
