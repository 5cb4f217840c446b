"""Stripe's webhooks: whether one is genuine and fresh, and what it says."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from app.errors import WebhookInvalid
from app.integrations.payments import GatewayEvent, PaymentState, Report
from app.integrations.stripe_reports import name_of, of_charge, of_intent, of_session, uuid_in

# https://docs.stripe.com/webhooks#replay-attacks
TOLERANCE_SECONDS = 300
MAX_SIGNATURE_LENGTH = 2000
_TYPE = re.compile(r"[a-z0-9_.]{1,100}")

Object = Mapping[str, Any]
Meaning = tuple[Report | None, bool]


def read_event(body: bytes, signature: str, secrets: Sequence[str], now: datetime) -> GatewayEvent:
    """Verify `body` under any of `secrets` and read it. Raises WebhookInvalid."""
    _verify(body, signature, secrets, now)
    try:
        payload = body.decode("utf-8")
        event = json.loads(payload)
    except (ValueError, RecursionError):
        raise WebhookInvalid("The message cannot be read.") from None
    if not isinstance(event, dict) or event.get("object") != "event":
        raise WebhookInvalid("The message is not an event.")
    event_id, kind, created = name_of(event), event.get("type"), event.get("created")
    is_named = event_id is not None and isinstance(kind, str) and _TYPE.fullmatch(kind)
    if not is_named or type(created) is not int or not 0 < created < 2**40:
        raise WebhookInvalid("The event lacks an id, a type or a time.")
    report, needs_look_up = _meaning(str(kind), event)
    return GatewayEvent(
        event_id=str(event_id),
        type=str(kind),
        created_at=datetime.fromtimestamp(created, UTC),
        is_live=event.get("livemode") is True,
        payload=payload,
        report=report,
        needs_look_up=needs_look_up,
    )


def _verify(body: bytes, signature: str, secrets: Sequence[str], now: datetime) -> None:
    from stripe import SignatureVerificationError, WebhookSignature  # noqa: PLC0415

    if not secrets:
        raise WebhookInvalid("No webhook secret is set here.")
    # The library compares marks of ASCII only, and reads every mark that it is given.
    if not signature.isascii() or len(signature) > MAX_SIGNATURE_LENGTH:
        raise WebhookInvalid("The signature cannot be read.")
    genuine = False
    for secret in secrets:  # several while one replaces another
        try:
            # Without a tolerance, for the library knows no clock but the system's.
            genuine |= WebhookSignature.verify_header(body, signature, secret, None)
        except (SignatureVerificationError, UnicodeError):
            continue
    if not genuine:
        raise WebhookInvalid("The signature does not fit.")
    if abs(now.timestamp() - _signed_at(signature)) > TOLERANCE_SECONDS:
        raise WebhookInvalid("The signature is too old.")


def _signed_at(signature: str) -> int:
    """Return the time that a verified header was signed with: its first `t`."""
    return next(int(part[2:]) for part in signature.split(",") if part.startswith("t="))


def _meaning(kind: str, event: Object) -> Meaning:
    """Return what an event reports, and whether its payment has to be looked up for more."""
    data = event.get("data")
    about = data.get("object") if isinstance(data, Mapping) else None
    read = _READERS.get(kind)
    # An `account` is named where somebody else's account, connected to ours, is meant.
    if read is None or not isinstance(about, Mapping) or event.get("account"):
        return None, False
    return read(about)


def _session(session: Object) -> Meaning:
    return of_session(session), False


def _failed_session(session: Object) -> Meaning:
    told = of_session(session)
    if told.state is PaymentState.PAID:
        return told, False
    return Report(PaymentState.FAILED, told.order_id, told.reference, told.payment_id), False


def _intent(intent: Object) -> Meaning:
    return of_intent(intent), False


def _charge(charge: Object) -> Meaning:
    """A charge tells how much went back, but seldom lists by which refunds."""
    report = of_charge(charge)
    if report is None or report.received is None:
        return report, False
    listed = sum(refund.amount_minor for refund in report.received.refunds)
    return report, listed != charge.get("amount_refunded")


def _names_payment(about: Object) -> Meaning:
    """Refunds and disputes name the payment they are about, and little else."""
    payment_id = name_of(about.get("payment_intent"))
    if payment_id is None:
        return None, False
    return Report(PaymentState.PAID, uuid_in(about, "order_id"), payment_id=payment_id), True


_READERS: dict[str, Callable[[Object], Meaning]] = {
    "checkout.session.completed": _session,
    "checkout.session.async_payment_succeeded": _session,
    "checkout.session.async_payment_failed": _failed_session,
    "checkout.session.expired": _session,
    "payment_intent.succeeded": _intent,
    "payment_intent.payment_failed": _intent,
    "charge.refunded": _charge,
    "charge.refund.updated": _names_payment,
    "refund.created": _names_payment,
    "refund.updated": _names_payment,
    "refund.failed": _names_payment,
    "charge.dispute.created": _names_payment,
    "charge.dispute.updated": _names_payment,
    "charge.dispute.closed": _names_payment,
    "charge.dispute.funds_withdrawn": _names_payment,
    "charge.dispute.funds_reinstated": _names_payment,
}
