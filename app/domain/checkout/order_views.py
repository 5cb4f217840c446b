"""Orders as they are shown: each with what went back, its last proof and where money is sent."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on

from app.database import db
from app.domain.checkout.models import Order, OrderStatus, Refund, RefundStatus
from app.domain.checkout.transfer_models import PaymentProof, TransferMethod


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order with its course. Amounts are minor units of its currency."""

    order: Order
    refunded_minor: int
    proof: PaymentProof | None
    account: TransferMethod | None

    @property
    def is_open(self) -> bool:
        """Whether it still waits to be paid."""
        return self.order.status is OrderStatus.OPEN


def view_of(order: Order) -> OrderView:
    """Return one order as it is shown."""
    return views_of([order])[0]


def views_of(orders: Sequence[Order]) -> list[OrderView]:
    """Return orders as they are shown, in the same order, by three queries for all of them."""
    ids = [order.id for order in orders]
    refunded, proofs, accounts = _refunded(ids), _last_proofs(ids), _accounts(orders)
    return [
        OrderView(
            order,
            refunded.get(order.id, 0),
            proofs.get(order.id),
            accounts.get(order.transfer_method_id) if order.transfer_method_id else None,
        )
        for order in orders
    ]


def _refunded(order_ids: list[uuid.UUID]) -> dict[uuid.UUID, int]:
    rows = db.session.execute(
        select(Refund.order_id, func.sum(Refund.amount_minor))
        .where(Refund.order_id.in_(order_ids), Refund.status == RefundStatus.SUCCEEDED)
        .group_by(Refund.order_id)
    )
    return {order_id: int(amount) for order_id, amount in rows}


def _last_proofs(order_ids: list[uuid.UUID]) -> dict[uuid.UUID, PaymentProof]:
    found = db.session.scalars(
        select(PaymentProof)
        .ext(distinct_on(PaymentProof.order_id))
        .where(PaymentProof.order_id.in_(order_ids))
        .order_by(PaymentProof.order_id, PaymentProof.created_at.desc(), PaymentProof.id)
    )
    return {proof.order_id: proof for proof in found}


def _accounts(orders: Sequence[Order]) -> dict[uuid.UUID, TransferMethod]:
    wanted = {order.transfer_method_id for order in orders if order.transfer_method_id}
    if not wanted:
        return {}
    found = db.session.scalars(select(TransferMethod).where(TransferMethod.id.in_(wanted)))
    return {account.id: account for account in found}
