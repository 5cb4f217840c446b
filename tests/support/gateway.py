"""A gateway in memory: it knows the truth about each attempt and tells it when it is asked."""

import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from flask import Flask

from app.clock import utcnow
from app.domain.checkout.models import Order
from app.errors import GatewayRefused, GatewayUnavailable
from app.integrations.payments import (
    Begun,
    Disputed,
    DisputeState,
    GatewayEvent,
    PaymentState,
    Purchase,
    Received,
    RefundMade,
    RefundState,
    Report,
)

_numbers = itertools.count(1)


@dataclass
class MemoryGateway:
    """Takes cards; `attempts` is what happened, by reference. `is_down` makes it not answer."""

    method: str = "card"
    is_live: bool = False
    is_down: bool = False
    attempts: dict[str, Report] = field(default_factory=dict)
    refunds: dict[uuid.UUID, RefundMade] = field(default_factory=dict)
    begun: list[uuid.UUID] = field(default_factory=list)

    def takes(self, amount_minor: int, _currency: str) -> bool:
        return amount_minor > 0

    def begin(self, purchase: Purchase) -> Begun:
        self._answer()
        reference = f"cs_{purchase.order_id.hex}"
        if reference not in self.attempts:
            self.begun.append(purchase.order_id)
            self.attempts[reference] = Report(
                PaymentState.OPEN, order_id=purchase.order_id, reference=reference
            )
        return Begun(reference, f"https://pay.example/{reference}")

    def end(self, reference: str) -> Report:
        told = self.look_up(reference)
        if told.state is PaymentState.OPEN:
            self.attempts[reference] = replace(told, state=PaymentState.EXPIRED)
        return self.attempts[reference]

    def look_up(self, reference: str) -> Report:
        self._answer()
        if reference not in self.attempts:
            raise GatewayRefused("There is no such attempt.")
        return self.attempts[reference]

    def look_up_payment(self, payment_id: str) -> Report:
        self._answer()
        for report in self.attempts.values():
            if report.payment_id == payment_id:
                return report
        raise GatewayRefused("There is no such payment.")

    def list_since(self, _since: datetime) -> Iterator[Report]:
        self._answer()
        yield from list(self.attempts.values())

    def refund(self, payment_id: str, amount_minor: int, refund_id: uuid.UUID) -> RefundMade:
        self._answer()
        if refund_id not in self.refunds:
            name = f"re_{next(_numbers)}"
            made = RefundMade(name, RefundState.SUCCEEDED, amount_minor, refund_id)
            self.refunds[refund_id] = made
            self.add_refund(self.look_up_payment(payment_id).reference or "", made)
        return self.refunds[refund_id]

    def read_event(self, _body: bytes, _signature: str, _now: datetime) -> GatewayEvent:
        raise NotImplementedError

    def check(self) -> str:
        return "in memory"

    def open(self, order: Order) -> str:
        """Begin an attempt for `order`; return its reference."""
        reference = f"cs_{order.id.hex}"
        self.attempts[reference] = Report(PaymentState.OPEN, order_id=order.id, reference=reference)
        return reference

    def pay(self, order: Order, amount: int | None = None, currency: str | None = None) -> Report:
        """Have `order` paid, with what it asks for unless told otherwise."""
        reference, payment_id = f"cs_{order.id.hex}", f"pi_{order.id.hex}"
        received = Received(
            payment_id,
            order.total_minor if amount is None else amount,
            order.currency if currency is None else currency,
        )
        paid = Report(PaymentState.PAID, order.id, reference, payment_id, received)
        self.attempts[reference] = paid
        return paid

    def add_refund(self, reference: str, made: RefundMade) -> Report:
        """Have money of an attempt go back."""
        received = self._received(reference)
        others = tuple(
            one for one in received.refunds if one.gateway_refund_id != made.gateway_refund_id
        )
        refunds = (*others, made)
        went = sum(one.amount_minor for one in refunds if one.state is RefundState.SUCCEEDED)
        return self._keep(reference, replace(received, refunds=refunds, refunded_minor=went))

    def add_dispute(self, reference: str, state: DisputeState, name: str = "dp_1") -> Report:
        """Have the payer of an attempt dispute it, or the dispute go on."""
        received = self._received(reference)
        disputed = Disputed(f"{name}_{reference}", state, received.amount_minor)
        return self._keep(reference, replace(received, disputes=(disputed,)))

    def _received(self, reference: str) -> Received:
        received = self.attempts[reference].received
        assert received is not None
        return received

    def _keep(self, reference: str, received: Received) -> Report:
        self.attempts[reference] = replace(self.attempts[reference], received=received)
        return self.attempts[reference]

    def _answer(self) -> None:
        if self.is_down:
            raise GatewayUnavailable


def event(
    type_: str,
    report: Report | None,
    *,
    event_id: str | None = None,
    is_live: bool = False,
    needs_look_up: bool = False,
) -> GatewayEvent:
    """Return an event as a gateway has verified it."""
    name = event_id or f"evt_{next(_numbers)}"
    return GatewayEvent(name, type_, utcnow(), is_live, "{}", report, needs_look_up)


def named(report: Report) -> Report:
    """Return what an event of a refund or a dispute says: which payment it is about."""
    return Report(PaymentState.PAID, payment_id=report.payment_id)


@contextmanager
def installed(app: Flask, gateway: MemoryGateway) -> Iterator[MemoryGateway]:
    """Have `app` take cards by `gateway` for the block."""
    before = app.extensions["integrations"]
    gateways = {**before.gateways, gateway.method: gateway}
    app.extensions["integrations"] = replace(before, gateways=gateways)
    try:
        yield gateway
    finally:
        app.extensions["integrations"] = before
