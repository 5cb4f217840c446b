"""What the stand-in knows: sessions, payments, charges, refunds, disputes and their events."""

import copy
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.support.stripe_stand_in.parameters import Parameters, Refused, every, first, group

Object = dict[str, Any]
MINIMUM = {"usd": 50, "eur": 50, "gbp": 30}
HALF_AN_HOUR, DAY = 30 * 60, 24 * 3600


def _id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


class Books:
    """All objects by kind and id; whoever touches them holds `lock`."""

    def __init__(self, send: Callable[[Object], None]) -> None:
        self.lock = threading.RLock()
        self._send = send
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.sessions: dict[str, Object] = {}
        self.intents: dict[str, Object] = {}
        self.charges: dict[str, Object] = {}
        self.refunds: dict[str, Object] = {}
        self.disputes: dict[str, Object] = {}
        self.events: dict[str, Object] = {}
        self.is_live = False
        self.refunds_are_slow = False

    def find(self, kind: str, name: str) -> Object:
        """Return an object. Raises Refused."""
        found: Object | None = getattr(self, kind).get(name)
        if found is None:
            singular = kind.removesuffix("s").replace("intent", "payment_intent")
            raise Refused(
                f"No such {singular}: '{name}'", status=404, code="resource_missing", param="id"
            )
        return found

    def emit(self, kind: str, about: Object) -> Object:
        """Note that something happened and send it to whoever listens."""
        event = {
            "id": _id("evt"),
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": int(time.time()),
            "data": {"object": copy.deepcopy(about)},
            "livemode": self.is_live,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
        }
        self.events[event["id"]] = event
        self._send(event)
        return event

    # Sessions

    def create_session(self, values: Parameters, base: str) -> Object:
        """Open a page where something can be paid. Raises Refused."""
        currency, amount, name = _line(values)
        _require(values, "success_url", "mode")
        if not first(values, "customer_email").isascii():
            raise Refused("Invalid email address", param="customer_email")
        now = int(time.time())
        expires_at = int(first(values, "expires_at", str(now + DAY)))
        if not now + HALF_AN_HOUR - 5 <= expires_at <= now + DAY + 5:
            raise Refused(
                "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout "
                "Session creation.",
                param="expires_at",
            )
        if amount < MINIMUM.get(currency, 1):
            raise Refused(
                "The Checkout Session's total amount is too small.", code="amount_too_small"
            )
        session_id = _id("cs_live" if self.is_live else "cs_test")
        session = {
            "id": session_id,
            "object": "checkout.session",
            "amount_subtotal": amount,
            "amount_total": amount,
            "cancel_url": first(values, "cancel_url") or None,
            "client_reference_id": first(values, "client_reference_id") or None,
            "created": now,
            "currency": currency,
            "customer_email": first(values, "customer_email") or None,
            "expires_at": expires_at,
            "livemode": self.is_live,
            "locale": first(values, "locale") or None,
            "metadata": group(values, "metadata"),
            "mode": first(values, "mode"),
            "payment_intent": None,
            "payment_method_types": every(values, "payment_method_types") or ["card"],
            "payment_status": "unpaid",
            "status": "open",
            "success_url": first(values, "success_url"),
            "url": f"{base}/c/pay/{session_id}",
            "_title": name,
            "_intent_metadata": group(values, "payment_intent_data[metadata]"),
        }
        self.sessions[session_id] = session
        return session

    def expire_session(self, session: Object) -> Object:
        """Close a page that is still open. Raises Refused."""
        self.expire_due()
        if session["status"] != "open":
            raise Refused(
                'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
                f"Session has a status of `{session['status']}`."
            )
        session["status"], session["url"] = "expired", None
        self.emit("checkout.session.expired", session)
        return session

    def expire_due(self) -> None:
        """Close every page whose time is up."""
        now = time.time()
        for session in self.sessions.values():
            if session["status"] == "open" and session["expires_at"] <= now:
                session["status"], session["url"] = "expired", None
                self.emit("checkout.session.expired", session)

    def session_of(self, order_id: str) -> Object:
        """Return the newest page for an order. Raises Refused."""
        for session in reversed(self.sessions.values()):
            if session["client_reference_id"] == order_id:
                return session
        raise Refused(f"No session for {order_id}", status=404)

    # Money

    def pay(self, session: Object, amount: int | None = None, currency: str = "") -> Object:
        """Let somebody pay; `amount` and `currency` are what Stripe would never collect."""
        self._require_open(session)
        intent = self._intent(session)
        paid = session["amount_total"] if amount is None else amount
        money = {"amount": paid, "currency": currency or session["currency"]}
        charge = {
            "id": _id("ch"),
            "object": "charge",
            **money,
            "amount_captured": paid,
            "amount_refunded": 0,
            "captured": True,
            "created": int(time.time()),
            "disputed": False,
            "livemode": self.is_live,
            "metadata": dict(intent["metadata"]),
            "paid": True,
            "payment_intent": intent["id"],
            "refunded": False,
            "status": "succeeded",
        }
        self.charges[charge["id"]] = charge
        intent.update(money, amount_received=paid, status="succeeded", latest_charge=charge["id"])
        intent["last_payment_error"] = None
        session.update(
            amount_total=paid,
            currency=money["currency"],
            payment_status="paid",
            status="complete",
            url=None,
        )
        self.emit("charge.succeeded", charge)
        self.emit("payment_intent.succeeded", intent)
        self.emit("checkout.session.completed", session)
        return session

    def decline(self, session: Object, code: str, message: str) -> Object:
        """Let somebody fail to pay; the page stays open for another try."""
        self._require_open(session)
        intent = self._intent(session)
        intent["status"] = "requires_payment_method"
        intent["last_payment_error"] = {"code": code, "message": message, "type": "card_error"}
        self.emit("payment_intent.payment_failed", intent)
        return session

    def create_refund(self, values: Parameters) -> Object:
        """Give money back. Raises Refused."""
        charge = self._charge_of(first(values, "payment_intent"), first(values, "charge"))
        left = charge["amount_captured"] - charge["amount_refunded"]
        amount = int(first(values, "amount", str(left)))
        if left <= 0:
            raise Refused(
                f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
            )
        if charge["disputed"] and charge.get("_dispute_is_lost", True):
            raise Refused(
                f"Charge {charge['id']} has been charged back; cannot issue a refund.",
                code="charge_disputed",
            )
        if not 0 < amount <= left:
            raise Refused(
                f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
                param="amount",
            )
        refund = {
            "id": _id("re"),
            "object": "refund",
            "amount": amount,
            "charge": charge["id"],
            "created": int(time.time()),
            "currency": charge["currency"],
            "failure_reason": None,
            "metadata": group(values, "metadata"),
            "payment_intent": charge["payment_intent"],
            "reason": first(values, "reason") or None,
            "status": "pending" if self.refunds_are_slow else "succeeded",
        }
        self.refunds[refund["id"]] = refund
        self._count_refunds(charge)
        self.emit("refund.created", refund)
        self.emit("charge.refunded", charge)
        return refund

    def settle_refund(self, refund: Object, status: str) -> Object:
        """Let a slow refund arrive, or fail."""
        refund["status"] = status
        is_failed = status in ("failed", "canceled")
        refund["failure_reason"] = "expired_or_canceled_card" if is_failed else None
        self._count_refunds(self.charges[refund["charge"]])
        self.emit("refund.failed" if is_failed else "refund.updated", refund)
        return refund

    def dispute(self, intent_id: str, amount: int | None) -> Object:
        """Let the payer ask their bank for the money."""
        charge = self._charge_of(intent_id, "")
        dispute = {
            "id": _id("du"),
            "object": "dispute",
            "amount": charge["amount_captured"] if amount is None else amount,
            "charge": charge["id"],
            "created": int(time.time()),
            "currency": charge["currency"],
            "livemode": self.is_live,
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "reason": "fraudulent",
            "status": "needs_response",
        }
        charge["disputed"], charge["_dispute_is_lost"] = True, True
        self.disputes[dispute["id"]] = dispute
        self.emit("charge.dispute.created", dispute)
        self.emit("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def close_dispute(self, dispute: Object, status: str) -> Object:
        """Let the bank decide: `won` or `lost`, from the seller's side."""
        dispute["status"] = status
        self.charges[dispute["charge"]]["_dispute_is_lost"] = status == "lost"
        self.emit("charge.dispute.closed", dispute)
        if status == "won":
            self.emit("charge.dispute.funds_reinstated", dispute)
        return dispute

    def _intent(self, session: Object) -> Object:
        """Return the session's payment, which exists from the first attempt to pay."""
        if session["payment_intent"] is None:
            intent = {
                "id": _id("pi"),
                "object": "payment_intent",
                "amount": session["amount_total"],
                "amount_received": 0,
                "created": int(time.time()),
                "currency": session["currency"],
                "last_payment_error": None,
                "latest_charge": None,
                "livemode": self.is_live,
                "metadata": dict(session["_intent_metadata"]),
                "status": "requires_payment_method",
            }
            self.intents[intent["id"]] = intent
            session["payment_intent"] = intent["id"]
            self.emit("payment_intent.created", intent)
        return self.intents[session["payment_intent"]]

    def _require_open(self, session: Object) -> None:
        self.expire_due()
        if session["status"] != "open":
            raise Refused(f"This Checkout Session is {session['status']}.")

    def _charge_of(self, intent_id: str, charge_id: str) -> Object:
        if charge_id:
            return self.find("charges", charge_id)
        found = self.find("intents", intent_id)["latest_charge"]
        if found is None:
            raise Refused("This PaymentIntent does not have a successful charge to refund.")
        return self.charges[found]

    def _count_refunds(self, charge: Object) -> None:
        counted = sum(
            refund["amount"]
            for refund in self.refunds.values()
            if refund["charge"] == charge["id"] and refund["status"] in ("succeeded", "pending")
        )
        charge["amount_refunded"] = counted
        charge["refunded"] = counted == charge["amount_captured"]


def _require(values: Parameters, *names: str) -> None:
    for name in names:
        if not first(values, name):
            raise Refused(f"Missing required param: {name}.", code="parameter_missing", param=name)


def _line(values: Parameters) -> tuple[str, int, str]:
    """Return currency, sum and name of what is sold. Raises Refused."""
    line = "line_items[0]"
    price = f"{line}[price_data]"
    _require(values, f"{price}[currency]", f"{price}[unit_amount]", f"{line}[quantity]")
    unit, quantity = (
        int(first(values, f"{price}[unit_amount]")),
        int(first(values, f"{line}[quantity]")),
    )
    if unit < 0 or quantity < 1:
        raise Refused("Invalid non-negative integer", param=f"{price}[unit_amount]")
    currency = first(values, f"{price}[currency]").lower()
    if len(currency) != 3:
        raise Refused(f"Invalid currency: {currency}", param=f"{price}[currency]")
    return currency, unit * quantity, first(values, f"{price}[product_data][name]", "Course")
