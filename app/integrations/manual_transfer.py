"""Transfers by bank or wallet: nobody can be asked, people look at proofs and accounts."""

import uuid
from collections.abc import Iterator
from datetime import datetime

from app.config import Settings
from app.errors import WebhookInvalid
from app.integrations.payments import (
    Begun,
    GatewayEvent,
    PaymentState,
    Purchase,
    RefundMade,
    RefundState,
    Report,
)


class ManualTransfer:
    """A gateway whose facts come from the staff: what they see arrive, what they send back."""

    method = "transfer"
    is_live = True

    def __init__(self, _settings: Settings) -> None:
        pass

    @staticmethod
    def is_set_up(_settings: Settings) -> bool:
        """It needs nothing."""
        return True

    def takes(self, amount_minor: int, _currency: str) -> bool:
        """Whether there is anything to send."""
        return amount_minor > 0

    def begin(self, purchase: Purchase) -> Begun:
        """Return the number that the buyer quotes; there is nowhere to go."""
        return Begun(purchase.number, None)

    def end(self, reference: str) -> Report:
        """Nothing is open anywhere; money may yet come."""
        return self.look_up(reference)

    def look_up(self, reference: str) -> Report:
        """Know nothing: only people can look."""
        return Report(PaymentState.OPEN, reference=reference)

    def look_up_payment(self, payment_id: str) -> Report:
        """Know nothing."""
        return Report(PaymentState.OPEN, payment_id=payment_id)

    def list_since(self, _since: datetime) -> Iterator[Report]:
        """Know nothing."""
        return iter(())

    def refund(self, _payment_id: str, amount_minor: int, refund_id: uuid.UUID) -> RefundMade:
        """Note what somebody sends back by hand."""
        return RefundMade(f"by-hand-{refund_id}", RefundState.SUCCEEDED, amount_minor, refund_id)

    def read_event(self, _body: bytes, _signature: str, _now: datetime) -> GatewayEvent:
        """Take none. Raises WebhookInvalid."""
        raise WebhookInvalid("Transfers send no webhooks.")

    def check(self) -> str:
        """Say that there is nothing to ask."""
        return "Transfers are looked at by people."
