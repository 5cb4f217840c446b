"""Cards, by Stripe's Checkout: its own page takes the card, we hear what came of it."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from app.config import Settings
from app.errors import GatewayRefused, GatewayUnavailable
from app.integrations import stripe_events
from app.integrations.payments import Begun, GatewayEvent, Purchase, RefundMade, Report
from app.integrations.stripe_reports import name_of, of_intent, of_session, refund_of

if TYPE_CHECKING:
    from stripe import StripeClient, StripeObject

CONNECT_SECONDS, READ_SECONDS, RETRIES = 3.0, 8.0, 2
PAGE = 100
LONGEST_SESSION = timedelta(hours=24)
# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts; others: what settles as 50
# US cents, which depends on the day, so that Stripe itself is asked.
MINIMUM = {"USD": 50, "EUR": 50, "CAD": 50, "AUD": 50, "CHF": 50, "INR": 50, "GBP": 30, "JPY": 50}
MAXIMUM = 99_999_999
# What Stripe's page speaks of what the site may; any other visitor gets the browser's language.
LOCALES = frozenset(("de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt", "ru", "sv", "tr", "zh"))
_PAYMENT = "payment_intent.latest_charge"

Object = dict[str, Any]


class StripeGateway:
    """Speaks to Stripe with its library, imported when first used."""

    method = "card"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

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
        except _TooLate:
            # A page lives half an hour at least. Nothing was made under the first key, or it would
            # have been answered again.
            later = purchase.expires_at + timedelta(hours=1)
            session = self._create(purchase, later, f"{key}-late")
        return Begun(session["id"], session["url"])

    def end(self, reference: str) -> Report:
        """Close the page, unless it was paid on. Raises GatewayUnavailable, GatewayRefused."""
        try:
            with _translated():
                self._client.v1.checkout.sessions.expire(reference)
        except GatewayRefused:
            pass  # it is not open any more; what it is, is asked next
        return self.look_up(reference)

    def look_up(self, reference: str) -> Report:
        """Tell all about a page. Raises GatewayUnavailable, GatewayRefused."""
        with _translated():
            session = _plain(
                self._client.v1.checkout.sessions.retrieve(reference, {"expand": [_PAYMENT]})
            )
        return self._session_report(session)

    def look_up_payment(self, payment_id: str) -> Report:
        """Tell all about a payment's page. Raises GatewayUnavailable, GatewayRefused."""
        with _translated():
            found = self._client.v1.checkout.sessions.list(
                {"payment_intent": payment_id, "limit": 1, "expand": [f"data.{_PAYMENT}"]}
            )
            if found.data:
                return self._session_report(_plain(found.data[0]))
            intent = _plain(
                self._client.v1.payment_intents.retrieve(payment_id, {"expand": ["latest_charge"]})
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
        with _translated():
            refunds = _by_payment(self._client.v1.refunds.list(earliest).auto_paging_iter())
            disputes = _by_payment(self._client.v1.disputes.list(earliest).auto_paging_iter())
            pages = self._client.v1.checkout.sessions.list(
                earliest | {"expand": [f"data.{_PAYMENT}"]}
            )
            told = set()
            for page in pages.auto_paging_iter():
                session = _plain(page)
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
        with _translated():
            refund = self._client.v1.refunds.create(
                {
                    "payment_intent": payment_id,
                    "amount": amount_minor,
                    "metadata": {"refund_id": str(refund_id)},
                },
                {"idempotency_key": str(refund_id)},
            )
        return refund_of(_plain(refund))

    def read_event(self, body: bytes, signature: str, now: datetime) -> GatewayEvent:
        """Verify and read a webhook. Raises WebhookInvalid."""
        secrets = self._settings.stripe_webhook_secret
        return stripe_events.read_event(body, signature, secrets, now)

    def check(self) -> str:
        """Ask whose key this is. Raises GatewayUnavailable, GatewayRefused."""
        with _translated():
            account = _plain(self._client.v1.accounts.retrieve_current())
        profile = account.get("business_profile") or {}
        name = profile.get("name") or account.get("email") or "?"
        mode = "live mode" if self.is_live else "test mode"
        charges = "charges enabled" if account.get("charges_enabled") else "charges NOT enabled"
        return f"{name} ({account['id']}), {mode}, {charges}"

    def _create(self, purchase: Purchase, expires_at: datetime, key: str) -> Object:
        with _translated():
            session = self._client.v1.checkout.sessions.create(
                _page_for(purchase, expires_at), {"idempotency_key": key}
            )
        return _plain(session)

    def _session_report(self, session: Object) -> Report:
        intent = session["payment_intent"]
        if session["payment_status"] != "paid" or not isinstance(intent, dict):
            return of_session(session)
        return of_session(session, self._refunds(intent["id"]), self._disputes(intent))

    def _refunds(self, payment_id: str) -> list[Object]:
        with _translated():
            refunds = self._client.v1.refunds.list({"payment_intent": payment_id, "limit": PAGE})
            return [_plain(refund) for refund in refunds.auto_paging_iter()]

    def _disputes(self, intent: Object) -> list[Object]:
        charge = intent["latest_charge"]
        if not isinstance(charge, dict) or not charge["disputed"]:
            return []
        with _translated():
            disputes = self._client.v1.disputes.list(
                {"payment_intent": intent["id"], "limit": PAGE}
            )
            return [_plain(dispute) for dispute in disputes.auto_paging_iter()]

    @cached_property
    def _client(self) -> "StripeClient":
        import stripe  # noqa: PLC0415

        stripe.enable_telemetry = False
        base = self._settings.stripe_api_base.rstrip("/")
        return stripe.StripeClient(
            self._settings.stripe_secret_key,
            base_addresses={"api": base} if base else {},
            max_network_retries=RETRIES,
            http_client=stripe.RequestsClient(timeout=(CONNECT_SECONDS, READ_SECONDS)),
        )


def _page_for(purchase: Purchase, expires_at: datetime) -> Any:
    """Return the parameters of the page: the same for the same purchase, for Stripe compares."""
    ours = {"order_id": str(purchase.order_id), "order_number": purchase.number}
    price = {
        "currency": purchase.currency.lower(),
        "unit_amount": purchase.amount_minor,
        "product_data": {"name": purchase.title},
    }
    return {
        "mode": "payment",
        "client_reference_id": str(purchase.order_id),
        "metadata": ours,
        "payment_intent_data": {"metadata": ours, "description": purchase.title},
        "payment_method_types": ["card"],
        # Converted by Stripe, a sum would arrive that no order of ours is about.
        "adaptive_pricing": {"enabled": False},
        "customer_email": purchase.email,
        "expires_at": int(expires_at.timestamp()),
        "locale": purchase.locale if purchase.locale in LOCALES else "auto",
        "success_url": purchase.success_url,
        "cancel_url": purchase.cancel_url,
        "line_items": [{"quantity": 1, "price_data": price}],
    }


class _TooLate(GatewayRefused):
    """The time at which the page is to close is too near."""


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the library's errors into ours. Raises GatewayUnavailable, GatewayRefused."""
    import stripe  # noqa: PLC0415

    try:
        yield
    except (stripe.InvalidRequestError, stripe.CardError, stripe.IdempotencyError) as error:
        said = _said(error)
        if isinstance(error, stripe.InvalidRequestError) and error.param == "expires_at":
            raise _TooLate(said) from None
        raise GatewayRefused(said) from None
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        # Not the request is wrong but the key, which may be put right.
        raise GatewayUnavailable(f"Stripe does not accept the key: {_said(error)}") from None
    except stripe.StripeError as error:
        raise GatewayUnavailable(f"Stripe does not answer: {_said(error)}") from None


def _said(error: Any) -> str:
    words = error.user_message or type(error).__name__
    return " ".join(str(words).split())[:300]


def _plain(item: "StripeObject") -> Object:
    return item.to_dict()


def _by_payment(items: "Iterator[StripeObject]") -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = {}
    for item in map(_plain, items):
        payment_id = name_of(item.get("payment_intent"))
        if payment_id:
            found.setdefault(payment_id, []).append(item)
    return found
