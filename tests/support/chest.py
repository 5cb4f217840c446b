"""A third gateway, as somebody might add one: a chest that people put coins into."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from app.config import Settings
from app.errors import GatewayRefused, WebhookInvalid
from app.integrations.payments import (
    Begun,
    GatewayEvent,
    PaymentState,
    Purchase,
    Received,
    RefundMade,
    RefundState,
    Report,
)


class Chest:
    """Knows what was begun, and which of it was `paid`."""

    method = "chest"
    is_live = False

    def __init__(self, settings: Settings) -> None:
        self.address = settings.public_base_url
        self.begun: dict[str, Purchase] = {}
        self.paid: set[str] = set()
        self.refunds: dict[uuid.UUID, RefundMade] = {}

    @staticmethod
    def is_set_up(settings: Settings) -> bool:
        return settings.site_name == "Chest"

    def takes(self, amount_minor: int, currency: str) -> bool:
        return currency == "ETB" and amount_minor > 0

    def begin(self, purchase: Purchase) -> Begun:
        self.begun[purchase.number] = purchase
        return Begun(purchase.number, f"{self.address}/chest/{purchase.number}")

    def end(self, reference: str) -> Report:
        return replace(self.look_up(reference), state=PaymentState.EXPIRED)

    def look_up(self, reference: str) -> Report:
        purchase = self.begun.get(reference)
        if purchase is None:
            raise GatewayRefused("No such coin.")
        if reference not in self.paid:
            return Report(PaymentState.OPEN, purchase.order_id, reference)
        received = Received(f"coin-{reference}", purchase.amount_minor, purchase.currency)
        return Report(PaymentState.PAID, purchase.order_id, reference, received=received)

    def look_up_payment(self, payment_id: str) -> Report:
        return Report(PaymentState.OPEN, payment_id=payment_id)

    def list_since(self, since: datetime) -> Iterator[Report]:
        return map(self.look_up, self.begun)

    def refund(self, payment_id: str, amount_minor: int, refund_id: uuid.UUID) -> RefundMade:
        made = RefundMade(f"coin-{refund_id}", RefundState.SUCCEEDED, amount_minor, refund_id)
        return self.refunds.setdefault(refund_id, made)

    def read_event(self, body: bytes, signature: str, now: datetime) -> GatewayEvent:
        raise WebhookInvalid

    def check(self) -> str:
        return "A chest."
