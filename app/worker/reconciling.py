"""Comparing our books with the gateways': page by page, each attempt in a commit of its own."""

import logging
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import chain

from app.clock import utcnow
from app.current import integrations
from app.database import db
from app.domain.audit import trail
from app.domain.audit.actions import Action
from app.domain.audit.trail import ActorKind, Event
from app.domain.checkout import differences, reconciliation
from app.domain.checkout.reconciliation import Difference
from app.errors import GatewayRefused, GatewayUnavailable
from app.integrations.payments import Gateway

log = logging.getLogger("worker.payments")
LATELY = timedelta(days=3)
BATCH = 200


def reconcile_lately() -> int:
    """Repair what differs from the gateways within the last days; return how much that was.

    A gateway that does not answer is left for the next hour.
    """
    count = 0
    try:
        for found in reconcile(utcnow() - LATELY):
            log.warning("%s, order %s: %s", found.method, found.order, found.what)
            count += 1
    except GatewayUnavailable as error:
        log.warning("the books were not compared to the end: %s", error.code)
    return count


def reconcile(since: datetime, *, is_dry_run: bool = False) -> Iterator[Difference]:
    """Compare with every gateway what happened since, and repair it; say each difference.

    What cannot be repaired is kept for people. Raises GatewayUnavailable, GatewayRefused.
    """
    keep = db.session.rollback if is_dry_run else db.session.commit
    repaired = 0
    gateways = integrations.gateways.values()
    compared = (found for gateway in gateways for found in _compare(gateway, since, keep))
    for found in chain(compared, _check_access(since, keep)):
        repaired += found.is_repaired
        if not found.is_repaired:
            differences.keep(found)
            keep()
        yield found
    if repaired and not is_dry_run:
        detail = {"differences": repaired}
        trail.record(Event(Action.PAYMENTS_RECONCILED, ActorKind.SYSTEM, detail=detail))
        db.session.commit()
    db.session.remove()


def _compare(gateway: Gateway, since: datetime, keep: Callable[[], None]) -> Iterator[Difference]:
    seen: set[str] = set()
    db.session.remove()
    for report in gateway.list_since(since):
        if report.received is not None:
            seen.add(report.received.payment_id)
        found = reconciliation.examine(report, gateway.method)
        keep()
        db.session.remove()
        yield from found
    unseen = reconciliation.list_unseen(gateway.method, since, seen)
    db.session.remove()
    for payment_id in unseen:
        try:
            report = gateway.look_up_payment(payment_id)
        except GatewayRefused:
            found = reconciliation.examine_unknown(payment_id, gateway.method, None)
        else:
            found = reconciliation.examine_unknown(payment_id, gateway.method, report)
        keep()
        db.session.remove()
        yield from found


def _check_access(since: datetime, keep: Callable[[], None]) -> Iterator[Difference]:
    after: uuid.UUID | None = None
    while batch := reconciliation.list_orders_since(since, after, BATCH):
        after = batch[-1]
        for order_id in batch:
            found = reconciliation.examine_order(order_id)
            keep()
            yield from found
