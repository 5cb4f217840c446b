"""Jobs about money: open orders are asked about, payments looked up, refunds made, access ended.

No transaction is open while a gateway works. Whoever is killed leaves rows that the next run, or
the gateway's own word, goes on with.
"""

import logging
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from app.clock import utcnow
from app.current import integrations
from app.database import db
from app.domain.checkout import checking, fulfilment, inbox, orders, refunds
from app.domain.checkout.checking import Due
from app.domain.outbox import jobs
from app.errors import DomainError, GatewayRefused, GatewayUnavailable, NotFound
from app.integrations.payments import Gateway, PaymentState, Report
from app.worker.retries import RunAgain

log = logging.getLogger("worker.payments")
BATCH = 50
LONGEST_ROUND_SECONDS = 30.0
WAITED_TOO_LONG = timedelta(minutes=2)


def check_open() -> int:
    """Ask about open orders whose turn has come and end those past their time; return how many.

    Also takes access that was given ahead of the money, and takes up what a killed worker left:
    events that wait for a look, refunds that were never asked for.
    """
    ends = _end_provisional()
    _take_up_again()
    return ends + _check_due()


def look_up(method: str, payment_id: str) -> None:
    """Ask the gateway all about a payment that an event named. Raises RunAgain."""
    gateway = integrations.gateways.get(method)
    if gateway is None:
        _refuse(method, payment_id, "This way to pay is not set up any more.")
        return
    db.session.remove()
    try:
        report = gateway.look_up_payment(payment_id)
    except GatewayUnavailable as error:
        raise RunAgain(f"the gateway did not tell about a payment: {error.code}") from error
    except GatewayRefused as error:
        _refuse(method, payment_id, error.detail)
        return
    order_id = None
    try:
        order_id = fulfilment.apply(report, method).order.id
    except NotFound:
        if report.order_id is not None:
            _refuse(method, payment_id, inbox.UNKNOWN_ORDER)
            return
    inbox.finish_waiting(method, payment_id, order_id)
    _leave_the_database()


def make_refund(refund_id: UUID) -> None:
    """Have the gateway make a refund that was asked for, unless it knows of it. Raises RunAgain."""
    ask = refunds.ask_of(refund_id)
    gateway = integrations.gateways.get(ask.method) if ask is not None else None
    _leave_the_database()
    if ask is None:
        return
    if gateway is None:
        raise RunAgain("this way to pay is not set up", timedelta(minutes=10))
    try:
        made = gateway.refund(ask.payment_id, ask.amount_minor, refund_id)
    except GatewayUnavailable as error:
        raise RunAgain(f"the gateway did not refund: {error.code}") from error
    except GatewayRefused as error:
        log.warning("a refund was refused: %s (refund %s)", error.code, refund_id)
        refunds.fail(refund_id, error.detail)
    else:
        refunds.finish(refund_id, made)
    _leave_the_database()


def _check_due() -> int:
    """Ask in batches until nothing is due or the round has taken long enough."""
    until = time.monotonic() + LONGEST_ROUND_SECONDS
    silent: set[str] = set()
    asked = 0
    while time.monotonic() < until:
        due = checking.list_due(BATCH, without=silent)
        _leave_the_database()
        if not due:
            break
        for each in due:
            if each.method not in silent and not _try_to_check(each):
                silent.add(each.method)  # who does not answer is not asked again this round
            asked += 1
    return asked


def _try_to_check(due: Due) -> bool:
    """Ask about one order; False when its gateway does not answer."""
    try:
        _check(due)
    except GatewayUnavailable as error:
        _note_trouble(due.order_id, error.detail)
        return False
    except DomainError as error:
        _note_trouble(due.order_id, error.detail)
    except Exception as error:
        # What goes wrong with one order must not hold the others up.
        log.exception("an order could not be checked (order %s)", due.order_id)
        _note_trouble(due.order_id, type(error).__name__)
    return True


def _check(due: Due) -> None:
    gateway = integrations.gateways.get(due.method)
    if due.is_overdue:
        report = None if gateway is None else _end(gateway, due)
        checking.expire(due.order_id, report)
    elif gateway is None or due.reference is None:
        checking.note_trouble(due.order_id, "")
    else:
        report = gateway.look_up(due.reference)
        checking.apply_checked(due.order_id, report)
    _leave_the_database()


def _end(gateway: Gateway, due: Due) -> Report:
    """Close an attempt whose time is over; one that was begun and not noted is found first."""
    reference = due.reference
    if reference is None:
        purchase = orders.purchase_of(fulfilment.lock(due.order_id))
        _leave_the_database()
        try:
            reference = gateway.begin(purchase).reference
        except GatewayRefused:  # so none was begun
            return Report(PaymentState.EXPIRED, order_id=due.order_id)
    return replace(gateway.end(reference), order_id=due.order_id)


def _note_trouble(order_id: UUID, detail: str) -> None:
    db.session.rollback()
    try:
        checking.note_trouble(order_id, detail)
    except NotFound:
        db.session.rollback()
    _leave_the_database()


def _end_provisional() -> int:
    over = checking.list_provisional_over(BATCH)
    _leave_the_database()
    for order_id in over:
        checking.end_provisional(order_id)
        _leave_the_database()
    return len(over)


def _take_up_again() -> None:
    for method, payment_id in inbox.list_waiting(utcnow() - WAITED_TOO_LONG, BATCH):
        name = f"{inbox.LOOK_UP_TASK} {method} {payment_id}"
        task = inbox.LOOK_UP_TASK
        jobs.enqueue(task, queueing_lock=name, method=method, payment_id=payment_id)
    _enqueue_refunds(checking.list_late_refunds(BATCH))
    _leave_the_database()


def _enqueue_refunds(refund_ids: Iterable[UUID]) -> None:
    for refund_id in refund_ids:
        task = refunds.REFUND_TASK
        jobs.enqueue(task, queueing_lock=f"{task} {refund_id}", refund_id=str(refund_id))


def _refuse(method: str, payment_id: str, detail: str) -> None:
    db.session.rollback()
    inbox.refuse_waiting(method, payment_id, detail)
    log.warning("a payment cannot be told: %s %s", method, payment_id)
    _leave_the_database()


def _leave_the_database() -> None:
    db.session.commit()
    db.session.remove()
