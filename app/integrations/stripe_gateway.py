"""Cards, by Stripe's Checkout: its own page takes the card, we hear what came of it."""

import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from app.config import Settings
from app.errors import GatewayRefused
from app.integrations import stripe_events
from app.integrations.payments import Begun, GatewayEvent, Purchase, RefundMade, Report
from app.integrations.stripe_calls import Object, StripeCalls, TooLate, plain
from app.integrations.stripe_reports import name_of, of_intent, of_session, refund_of

PAGE = 100
LONGEST_SESSION = timedelta(hours=24)
# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts; others: what settles as 50
# US cents, which depends on the day, so that Stripe itself is asked.
MINIMUM = {"USD": 50, "EUR": 50, "CAD": 50, "AUD": 50, "CHF": 50, "INR": 50, "GBP": 30, "JPY": 50}
MAXIMUM = 99_999_999
# What Stripe's page speaks of what the site may; any other visitor gets the browser's language.
LOCALES = frozenset(("de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt", "ru", "sv", "tr", "zh"))
_PAYMENT = "payment_intent.latest_charge"


class StripeGateway:
    """Begins, follows and gives back payments at Stripe."""

    method = "card"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._calls = StripeCalls(settings)

    @staticmethod
    def is_set_up(settings: Settings) -> bool:
        """Whether there is a key."""
        return bool(settings.stripe_secret_key)

    @property
    def is_live(self) -> bool:
        """Whether the key moves real money."""
        return "_live_" in self._settings.stripe_secret_key

    def takes(self, amount_minor: int, currency: str) -> bool:
        """Whether Stripe charges that much at once."""
        return MINIMUM.get(currency, 1) <= amount_minor <= MAXIMUM

    def begin(self, purchase: Purchase) -> Begun:
        """Open the page where `purchase` is paid. Raises GatewayUnavailable, GatewayRefused."""
        key = str(purchase.order_id)
        try:
            session = self._create(purchase, purchase.expires_at, key)
        except TooLate:
            # A page lives half an hour at least. Nothing was made under the first key, or it would
            # have been answered again.
            later = purchase.expires_at + timedelta(hours=1)
            session = self._create(purchase, later, f"{key}-late")
        return Begun(session["id"], session["url"])

    def end(self, reference: str) -> Report:
        """Close the page, unless it was paid on. Raises GatewayUnavailable, GatewayRefused."""
        try:
            with self._calls.turn():
                self._calls.client.v1.checkout.sessions.expire(reference)
        except GatewayRefused:
            pass  # it is not open any more; what it is, is asked next
        return self.look_up(reference)

    def look_up(self, reference: str) -> Report:
        """Tell all about a page. Raises GatewayUnavailable, GatewayRefused."""
        with self._calls.turn():
            session = plain(
                self._calls.client.v1.checkout.sessions.retrieve(reference, {"expand": [_PAYMENT]})
            )
        return self._session_report(session)

    def look_up_payment(self, payment_id: str) -> Report:
        """Tell all about a payment's page. Raises GatewayUnavailable, GatewayRefused."""
        with self._calls.turn():
            pages = self._calls.client.v1.checkout.sessions.list(
                {"payment_intent": payment_id, "limit": 1, "expand": [f"data.{_PAYMENT}"]}
            )
        for page in pages.data:
            return self._session_report(plain(page))
        with self._calls.turn():
            intent = plain(
                self._calls.client.v1.payment_intents.retrieve(
                    payment_id, {"expand": ["latest_charge"]}
                )
            )
        return of_intent(intent, self._refunds(payment_id), self._disputes(intent))

    def list_since(self, since: datetime) -> Iterator[Report]:
        """Tell of every page opened, paid, refunded or disputed since then.

        A page lives a day at most, so what was paid since then was opened at most a day before.
        Raises GatewayUnavailable, GatewayRefused.
        """
        earliest: Any = {
            "created": {"gte": int((since - LONGEST_SESSION).timestamp())},
            "limit": PAGE,
        }
        api = self._calls.client.v1
        refunds = _by_payment(self._calls.items(lambda: api.refunds.list(earliest)))
        disputes = _by_payment(self._calls.items(lambda: api.disputes.list(earliest)))
        wished = earliest | {"expand": [f"data.{_PAYMENT}"]}
        told = set()
        for session in self._calls.items(lambda: api.checkout.sessions.list(wished)):
            payment_id = name_of(session["payment_intent"]) or ""
            told.add(payment_id)
            yield of_session(session, refunds.get(payment_id, ()), disputes.get(payment_id, ()))
        for payment_id in sorted((refunds.keys() | disputes.keys()) - told):
            yield self.look_up_payment(payment_id)

    def refund(self, payment_id: str, amount_minor: int, refund_id: uuid.UUID) -> RefundMade:
        """Give money back, once for each `refund_id`. Raises GatewayUnavailable, GatewayRefused.

        Stripe forgets keys after a day, and a refund may be tried again after that: what was made
        already is looked for first.
        """
        for made in map(refund_of, self._refunds(payment_id)):
            if made.refund_id == refund_id:
                return made
        with self._calls.turn():
            refund = self._calls.client.v1.refunds.create(
                {
                    "payment_intent": payment_id,
                    "amount": amount_minor,
                    "metadata": {"refund_id": str(refund_id)},
                },
                {"idempotency_key": str(refund_id)},
            )
        return refund_of(plain(refund))

    def read_event(self, body: bytes, signature: str, now: datetime) -> GatewayEvent:
        """Verify and read a webhook. Raises WebhookInvalid."""
        secrets = self._settings.stripe_webhook_secret
        return stripe_events.read_event(body, signature, secrets, now)

    def check(self) -> str:
        """Ask whose key this is. Raises GatewayUnavailable, GatewayRefused."""
        with self._calls.turn():
            account = plain(self._calls.client.v1.accounts.retrieve_current())
        profile = account.get("business_profile") or {}
        name = profile.get("name") or account.get("email") or "?"
        mode = "live mode" if self.is_live else "test mode"
        charges = "charges enabled" if account.get("charges_enabled") else "charges NOT enabled"
        return f"{name} ({account['id']}), {mode}, {charges}"

    def _create(self, purchase: Purchase, expires_at: datetime, key: str) -> Object:
        with self._calls.turn():
            session = self._calls.client.v1.checkout.sessions.create(
                _page_for(purchase, expires_at), {"idempotency_key": key}
            )
        return plain(session)

    def _session_report(self, session: Object) -> Report:
        intent = session["payment_intent"]
        if session["payment_status"] != "paid" or not isinstance(intent, dict):
            return of_session(session)
        return of_session(session, self._refunds(intent["id"]), self._disputes(intent))

    def _refunds(self, payment_id: str) -> list[Object]:
        wished: Any = {"payment_intent": payment_id, "limit": PAGE}
        return list(self._calls.items(lambda: self._calls.client.v1.refunds.list(wished)))

    def _disputes(self, intent: Object) -> list[Object]:
        charge = intent["latest_charge"]
        if not isinstance(charge, dict) or not charge["disputed"]:
            return []
        wished: Any = {"payment_intent": intent["id"], "limit": PAGE}
        return list(self._calls.items(lambda: self._calls.client.v1.disputes.list(wished)))


def _page_for(purchase: Purchase, expires_at: datetime) -> Any:
    """Return the parameters of the page: the same for the same purchase, for Stripe compares."""
    ours = {"order_id": str(purchase.order_id), "order_number": purchase.number}
    price = {
        "currency": purchase.currency.lower(),
        "unit_amount": purchase.amount_minor,
        "product_data": {"name": purchase.title},
    }
    # Addresses in other letters are ours to mail to, but Stripe refuses the whole page for one.
    email = {"customer_email": purchase.email} if purchase.email.isascii() else {}
    return {
        "mode": "payment",
        "client_reference_id": str(purchase.order_id),
        "metadata": ours,
        "payment_intent_data": {"metadata": ours, "description": purchase.title},
        "payment_method_types": ["card"],
        # Converted by Stripe, a sum would arrive that no order of ours is about.
        "adaptive_pricing": {"enabled": False},
        **email,
        "expires_at": int(expires_at.timestamp()),
        "locale": purchase.locale if purchase.locale in LOCALES else "auto",
        "success_url": purchase.success_url,
        "cancel_url": purchase.cancel_url,
        "line_items": [{"quantity": 1, "price_data": price}],
    }


class _TooLate(GatewayRefused):
    """The time at which the page is to close is too near."""


def _by_payment(items: Iterable[Object]) -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = {}
    for item in items:
        payment_id = name_of(item.get("payment_intent"))
        if payment_id:
            found.setdefault(payment_id, []).append(item)
    return found
