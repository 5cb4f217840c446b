"""An order as JSON: the same members wherever one is answered."""

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from app.domain.checkout.models import OrderStatus
from app.domain.checkout.order_views import OrderView
from app.domain.checkout.transfer_models import ProofStatus


class AmountDocument(BaseModel):
    """An amount in minor units of an ISO 4217 currency."""

    amount_minor: int
    currency: str


class OrderedCourseDocument(BaseModel):
    """The course that was ordered, called as it was then."""

    slug: str
    title: str


class AccountDocument(BaseModel):
    """Where to send the money of a transfer."""

    id: UUID
    name: str
    account_name: str
    account_number: str
    instructions: str


class TransferDocument(BaseModel):
    """How to pay by transfer; `reference` is what to quote with it."""

    method: AccountDocument
    reference: str


class ProofDocument(BaseModel):
    """The last proof of a transfer, and what staff made of it."""

    id: UUID
    status: ProofStatus
    reject_reason: str | None
    created_at: AwareDatetime


class OrderDocument(BaseModel):
    """An order. While it is open, `redirect_url` is where to pay it, if anywhere."""

    id: UUID
    number: str
    status: OrderStatus
    method: str
    course: OrderedCourseDocument
    list_price: AmountDocument
    discount: AmountDocument
    total: AmountDocument
    coupon: str | None
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    paid_at: AwareDatetime | None
    refunded: AmountDocument
    redirect_url: str | None
    transfer: TransferDocument | None
    proof: ProofDocument | None
    provisional_ends_at: AwareDatetime | None


def order_json(view: OrderView) -> dict[str, Any]:
    """Return an order as its document has it."""
    order, proof = view.order, view.proof

    def amount(minor: int) -> dict[str, Any]:
        return {"amount_minor": minor, "currency": order.currency}

    return {
        "id": order.id,
        "number": order.number,
        "status": order.status,
        "method": order.method,
        "course": {"slug": order.course.slug, "title": order.course_title},
        "list_price": amount(order.list_price_minor),
        "discount": amount(order.discount_minor),
        "total": amount(order.total_minor),
        "coupon": order.coupon_code,
        "created_at": order.created_at,
        "expires_at": order.expires_at if view.is_open else None,
        "paid_at": order.paid_at,
        "refunded": amount(view.refunded_minor),
        "redirect_url": order.redirect_url if view.is_open else None,
        "transfer": _transfer(view),
        "proof": proof
        and {
            "id": proof.id,
            "status": proof.status,
            "reject_reason": proof.reject_reason,
            "created_at": proof.created_at,
        },
        "provisional_ends_at": order.provisional_ends_at,
    }


def _transfer(view: OrderView) -> dict[str, Any] | None:
    account = view.account
    if account is None:
        return None
    members = ("id", "name", "account_name", "account_number", "instructions")
    method = {name: getattr(account, name) for name in members}
    return {"method": method, "reference": view.order.number}
