"""What tests tell the stand-in: pay, decline, refund, dispute, lose, repeat and reorder events."""

from collections.abc import Callable
from typing import Any

from tests.support.stripe_stand_in.api import Api, without_notes
from tests.support.stripe_stand_in.books import Books, Object
from tests.support.stripe_stand_in.deliveries import Deliveries
from tests.support.stripe_stand_in.faults import Faults
from tests.support.stripe_stand_in.parameters import Refused


class Control:
    """Each public method is an address below /_control/; its arguments are the JSON body."""

    def __init__(self, books: Books, api: Api, deliveries: Deliveries, faults: Faults) -> None:
        self._books, self._api = books, api
        self._deliveries, self._faults = deliveries, faults

    def run(self, act: str, arguments: dict[str, Any]) -> Any:
        """Do what is asked for. Raises Refused."""
        method: Callable[..., Any] | None = getattr(self, act, None)
        if act.startswith("_") or act == "run" or method is None:
            raise Refused(f"No such act: {act}", status=404)
        with self._books.lock:
            return without_notes(method(**arguments))

    def reset(self) -> None:
        """Begin anew."""
        for part in (self._deliveries, self._books, self._api, self._faults):
            part.reset()

    def configure(self, **changes: Any) -> None:
        """Set webhook_url, secrets, keys, is_live, refunds_are_slow or retry seconds."""
        owners: dict[str, tuple[object, str]] = {
            "webhook_url": (self._deliveries, "url"),
            "secrets": (self._deliveries, "secrets"),
            "first_retry_seconds": (self._deliveries, "first_retry_seconds"),
            "longest_retry_seconds": (self._deliveries, "longest_retry_seconds"),
            "drop_next": (self._deliveries, "drop_next"),
            "times": (self._deliveries, "times"),
            "is_held": (self._deliveries, "is_held"),
            "keys": (self._api, "keys"),
            "is_live": (self._books, "is_live"),
            "refunds_are_slow": (self._books, "refunds_are_slow"),
        }
        for name, value in changes.items():
            owner, attribute = owners[name]
            setattr(owner, attribute, value)

    def pay(
        self,
        amount: int | None = None,
        currency: str = "",
        *,
        is_quiet: bool = False,
        **which: str,
    ) -> Object:
        """Pay on the page of `session` or `order_id`; quietly, no webhook tells of it."""
        self._deliveries.is_quiet = is_quiet
        try:
            return self._books.pay(self._session(**which), amount, currency)
        finally:
            self._deliveries.is_quiet = False

    def decline(self, **which: str) -> Object:
        """Have the card declined."""
        return self._books.decline(self._session(**which), "card_declined", "Declined.")

    def expire(self, **which: str) -> Object:
        """Let the page's time run out."""
        return self._books.expire_session(self._session(**which))

    def refund(self, amount: int | None = None, **which: str) -> Object:
        """Give money back from the gateway's own dashboard."""
        values = {"payment_intent": [self._intent(**which)]}
        if amount is not None:
            values["amount"] = [str(amount)]
        return self._books.create_refund(values)

    def settle_refund(self, refund: str, status: str) -> Object:
        """Let a slow refund end as `succeeded` or `failed`."""
        return self._books.settle_refund(self._books.find("refunds", refund), status)

    def dispute(self, amount: int | None = None, **which: str) -> Object:
        """Let the payer dispute."""
        return self._books.dispute(self._intent(**which), amount)

    def close_dispute(self, dispute: str, status: str) -> Object:
        """End a dispute as `won` or `lost`."""
        return self._books.close_dispute(self._books.find("disputes", dispute), status)

    def emit(self, type: str, object: Object) -> Object:  # noqa: A002 - Stripe's own words
        """Send an event of any kind about anything."""
        return self._books.emit(type, object)

    def send_again(self, event: str, times: int = 1) -> None:
        """Deliver an event once more."""
        self._deliveries.send_again(self._books.find("events", event), times)

    def pending(self) -> int:
        """Return how many deliveries are not done."""
        return self._deliveries.count_pending()

    def log(self) -> list[Object]:
        """Return every attempt to deliver, and what was answered."""
        return list(self._deliveries.log)

    def fail(self, count: int = 1, **how: Any) -> None:
        """Let the next requests fail: see Faults.plan."""
        self._faults.plan(count, **how)

    def forget_keys(self) -> None:
        """Forget every Idempotency-Key, as Stripe does after a day."""
        self._api.forget_keys()

    def age(self, days: int) -> None:
        """Make everything that many days older."""
        for kind in ("sessions", "intents", "charges", "refunds", "disputes", "events"):
            for item in getattr(self._books, kind).values():
                item["created"] -= days * 24 * 3600

    def requests(self) -> dict[str, int]:
        """Return how often each address was asked."""
        return dict(self._api.requests)

    def everything(self) -> Object:
        """Return all sessions, intents, charges, refunds, disputes and events."""
        kinds = ("sessions", "intents", "charges", "refunds", "disputes", "events")
        return {kind: list(getattr(self._books, kind).values()) for kind in kinds}

    def sums(self) -> Object:
        """Return by currency what was paid, given back and charged back, in minor units."""
        found: dict[str, dict[str, int]] = {}
        charged_back = {
            dispute["charge"]: dispute["amount"]
            for dispute in self._books.disputes.values()
            if dispute["status"] == "lost"
        }
        for charge in self._books.charges.values():
            zero = {"payments": 0, "received": 0, "refunded": 0, "charged_back": 0}
            row = found.setdefault(charge["currency"].upper(), zero)
            row["payments"] += 1
            row["received"] += charge["amount_captured"]
            row["refunded"] += charge["amount_refunded"]
            row["charged_back"] += charged_back.get(charge["id"], 0)
        return found

    def _session(self, session: str = "", order_id: str = "") -> Object:
        if session:
            return self._books.find("sessions", session)
        return self._books.session_of(order_id)

    def _intent(self, payment: str = "", **which: str) -> str:
        if payment:
            return payment
        return str(self._session(**which)["payment_intent"])
