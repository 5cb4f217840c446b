"""The role of a payment gateway: what every gateway is asked, and how it tells what happened.

A gateway is one module with one class, listed in `GATEWAYS` of this package; the rest of the
platform knows it by its `method` alone. Whatever it tells, by webhook or when asked, is a Report:
facts that only ever add up, so that their order does not matter.
"""

import enum
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.config import Settings


class PaymentState(enum.StrEnum):
    """How an attempt to pay stands at the gateway."""

    OPEN = "open"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"


class DisputeState(enum.StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"


class RefundState(enum.StrEnum):
    """`pending` goes on to one of the others; the gateway tells."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a gateway is to collect. The amount is in minor units; addresses are absolute.

    Every attempt for one order carries the same values, for gateways compare repeated requests.
    """

    order_id: uuid.UUID
    number: str
    title: str
    amount_minor: int
    currency: str
    email: str
    locale: str | None
    expires_at: datetime
    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True)
class Begun:
    """The gateway's name for the attempt, and where the buyer goes to pay, if anywhere."""

    reference: str
    redirect_url: str | None


@dataclass(frozen=True, slots=True)
class Disputed:
    """One dispute about a payment."""

    dispute_id: str
    state: DisputeState
    amount_minor: int


@dataclass(frozen=True, slots=True)
class RefundMade:
    """One refund as the gateway knows it; `refund_id` is ours where we asked for it."""

    gateway_refund_id: str
    state: RefundState
    amount_minor: int
    refund_id: uuid.UUID | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """Money that arrived: how much, how much of it went back so far, and who disputes it."""

    payment_id: str
    amount_minor: int
    currency: str
    refunded_minor: int = 0
    refunds: tuple[RefundMade, ...] = ()
    disputes: tuple[Disputed, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What a gateway says of one attempt to pay, as far as it says it.

    What it leaves out is not known, never undone. `order_id` is what the gateway was given at the
    start, `reference` its name for the attempt; `payment_id` may be known before money arrived.
    """

    state: PaymentState
    order_id: uuid.UUID | None = None
    reference: str | None = None
    payment_id: str | None = None
    received: Received | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """A verified event. Without a report it is of a kind that changes nothing here.

    `needs_look_up` says that it names a payment without saying what it was for; then
    `report.payment_id` is what to ask the gateway about.
    """

    event_id: str
    type: str
    created_at: datetime
    is_live: bool
    payload: str
    report: Report | None
    needs_look_up: bool = False


class GatewayKind(Protocol):
    """What `GATEWAYS` lists: the class of a gateway."""

    def __call__(self, settings: Settings, /) -> "Gateway":
        """Build the gateway."""

    def is_set_up(self, settings: Settings) -> bool:
        """Whether the settings name what it needs."""


class Gateway(Protocol):
    """One way to take money. Calls take seconds; none is made inside a transaction.

    They raise GatewayUnavailable for what may work later, GatewayRefused for what never will.
    """

    @property
    def method(self) -> str:
        """Return the short name that people choose and orders keep, such as "card"."""

    @property
    def is_live(self) -> bool:
        """Whether it moves real money; events of the other kind are not about our orders."""

    def takes(self, amount_minor: int, currency: str) -> bool:
        """Whether this gateway can collect that much of that currency."""

    def begin(self, purchase: Purchase) -> Begun:
        """Start an attempt; again for the same order gives the same attempt."""

    def end(self, reference: str) -> Report:
        """Close an attempt that is still open; tell how it stands then: it may be paid."""

    def look_up(self, reference: str) -> Report:
        """Tell all about an attempt: money, refunds, disputes."""

    def look_up_payment(self, payment_id: str) -> Report:
        """Tell all about the attempt that a payment belongs to."""

    def list_since(self, since: datetime) -> Iterator[Report]:
        """Tell all about every attempt begun, or paid, since then."""

    def refund(self, payment_id: str, amount_minor: int, refund_id: uuid.UUID) -> RefundMade:
        """Give money back; again with the same `refund_id` gives the same refund."""

    def read_event(self, body: bytes, signature: str, now: datetime) -> GatewayEvent:
        """Verify and read a webhook's raw body. Raises WebhookInvalid."""

    def check(self) -> str:
        """Ask the gateway who we are, for the settings page; return what it answered."""
