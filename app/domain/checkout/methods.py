"""The ways to pay that are on offer for a price: what the site takes, and what a gateway can."""

import uuid
from dataclasses import dataclass

from sqlalchemy import or_, select

from app.current import integrations
from app.database import db
from app.domain.checkout.pricing import Price
from app.domain.checkout.transfer_models import TransferMethod
from app.domain.site import choices
from app.errors import CheckoutRefused, InvalidInput

CARD = "card"
TRANSFER = "transfer"
FREE = "free"
MAX_ACCOUNTS = 20


@dataclass(frozen=True, slots=True)
class Way:
    """One way to pay: a gateway's method, and for a transfer the account to send money to."""

    method: str
    account: TransferMethod | None = None

    @property
    def value(self) -> str:
        """Return what a form sends for it."""
        return f"{self.method}:{self.account.id}" if self.account else self.method


def list_ways(cost: Price) -> tuple[Way, ...]:
    """Return every way in which `cost` can be paid, cards first; none for what is free."""
    if cost.is_free:
        return ()
    ways: list[Way] = []
    for method in sorted(integrations.gateways, key=lambda name: (name != CARD, name)):
        if not integrations.gateways[method].takes(cost.total_minor, cost.currency):
            continue
        if method == TRANSFER:
            ways += [Way(method, account) for account in _accounts(cost.currency)]
        elif method != CARD or choices.current().takes_cards:
            ways.append(Way(method))
    return tuple(ways)


def choose(cost: Price, method: str, transfer_method_id: uuid.UUID | None) -> Way:
    """Return the way that somebody chose; a transfer without an account goes to the first.

    Raises CheckoutRefused when it is not on offer for `cost`, and InvalidInput for an account that
    is not on offer, or is said for nothing.
    """
    ways = [way for way in list_ways(cost) if way.method == method]
    if not ways:
        raise CheckoutRefused("It cannot be paid like this right now. Choose another way to pay.")
    if method != TRANSFER:
        if transfer_method_id is not None:
            raise InvalidInput({"transfer_method_id": "Leave it out unless you pay by transfer."})
        return ways[0]
    for way in ways:
        if way.account is not None and transfer_method_id in (None, way.account.id):
            return way
    raise InvalidInput({"transfer_method_id": "Choose one of the accounts on offer."})


def _accounts(currency: str) -> list[TransferMethod]:
    if not choices.current().takes_transfers:
        return []
    statement = (
        select(TransferMethod)
        .where(
            TransferMethod.is_active,
            or_(TransferMethod.currency.is_(None), TransferMethod.currency == currency),
        )
        .order_by(TransferMethod.position, TransferMethod.id)
        .limit(MAX_ACCOUNTS)
    )
    return list(db.session.scalars(statement))
