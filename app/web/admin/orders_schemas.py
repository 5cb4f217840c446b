"""The JSON of orders and refunds as staff sees them."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from app.domain.checkout.models import (
    DisputeStatus,
    EndReason,
    EventOutcome,
    OrderStatus,
    RefundStatus,
)
from app.domain.checkout.order_file import Happening
from app.domain.checkout.refunds import MAX_REASON
from app.domain.checkout.transfer_models import ProofStatus
from app.web.admin.admission_schemas import Id, StaffPerson
from app.web.admin.queries import Text
from app.web.admin.schemas import PageQuery
from app.web.json import Body
from app.web.order_json import AmountDocument, OrderDocument

Method = Annotated[str, Field(max_length=40, pattern="^[a-z_]*$")]


class OrdersQuery(PageQuery):
    """Which orders a list shows; `q` is a part of the buyer's name or address, or all of a number,
    an id, a coupon's code, or the gateway's name of the attempt or the payment.
    """

    model_config = ConfigDict(frozen=True)

    q: Text = ""
    status: OrderStatus | None = None
    method: Method | None = None
    course_id: UUID | None = None
    user_id: UUID | None = None


class RefundsQuery(PageQuery):
    """Which refunds a list shows."""

    model_config = ConfigDict(frozen=True)

    order_id: UUID | None = None
    status: RefundStatus | None = None


class StaffOrder(OrderDocument):
    """An order and its buyer; a `hold_reason` keeps access back until an administrator has looked.

    `ended_as` says how it ended without money.
    """

    course_id: UUID
    customer: StaffPerson
    hold_reason: str | None
    held_released_at: AwareDatetime | None
    ended_as: EndReason | None
    ended_at: AwareDatetime | None


class StaffOrdersDocument(BaseModel):
    """Orders, newest first."""

    items: list[StaffOrder]
    next_cursor: str | None


class StaffPayment(BaseModel):
    """Money that arrived; `refundable` is what can be given back of it now."""

    id: UUID
    gateway: str
    gateway_payment_id: str
    amount: AmountDocument
    refundable: AmountDocument
    received_at: AwareDatetime
    recorded_by_id: UUID | None


class StaffRefund(BaseModel):
    """Money that goes back, or went; one that the gateway told of first was asked for by nobody."""

    id: UUID
    order_id: UUID
    payment_id: UUID
    status: RefundStatus
    amount: AmountDocument
    ends_access: bool
    reason: str
    error: str | None
    gateway_refund_id: str | None
    requested_by_id: UUID | None
    created_at: AwareDatetime
    settled_at: AwareDatetime | None


class StaffDispute(BaseModel):
    """A payer who asks their bank for the money back; `won` keeps it here."""

    id: UUID
    payment_id: UUID
    gateway_dispute_id: str
    status: DisputeStatus
    amount_minor: int
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None


class StaffEvent(BaseModel):
    """An event as the gateway sent it, and what came of it."""

    event_id: str
    type: str
    outcome: EventOutcome
    detail: str | None
    created_at: AwareDatetime
    received_at: AwareDatetime


class StaffOrderProof(BaseModel):
    """A proof of a transfer, and what staff made of it."""

    id: UUID
    status: ProofStatus
    reference: str
    reject_reason: str | None
    created_at: AwareDatetime
    reviewed_at: AwareDatetime | None


class StaffEntry(BaseModel):
    """One thing that happened, in the order in which it did."""

    at: AwareDatetime
    what: Happening
    amount: AmountDocument | None
    by: UUID | None
    detail: str


class StaffOrderDocument(BaseModel):
    """An order with all that is known about it; `has_access` says whether the course is open."""

    order: StaffOrder
    has_access: bool
    payments: list[StaffPayment]
    refunds: list[StaffRefund]
    disputes: list[StaffDispute]
    proofs: list[StaffOrderProof]
    events: list[StaffEvent]
    timeline: list[StaffEntry]


class NewRefund(Body):
    """What to give back of which order: all that is left of the payment without an amount.

    Where an order has several payments, `payment_id` names one. `ends_access` takes the course
    back once the money is on its way.
    """

    order_id: Id
    amount_minor: Annotated[int, Field(gt=0)] | None = None
    payment_id: Id | None = None
    ends_access: bool
    reason: Annotated[str, StringConstraints(max_length=MAX_REASON)]


class StaffRefundDocument(BaseModel):
    """A refund; `requested` ones are on their way."""

    refund: StaffRefund


class StaffRefundsDocument(BaseModel):
    """Refunds, newest first."""

    items: list[StaffRefund]
    next_cursor: str | None
