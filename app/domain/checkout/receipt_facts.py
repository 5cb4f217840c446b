"""What a receipt says of an order, read once; the drawing of it needs no database."""

import uuid
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that came, or went back."""

    at: datetime
    amount_minor: int
    currency: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Everything a receipt says, read once; the drawing of it needs no database."""

    order_id: uuid.UUID
    number: str
    paid_at: datetime
    buyer_name: str
    buyer_email: str
    course_title: str
    method: str
    transfer_method: str | None
    list_price_minor: int
    discount_minor: int
    total_minor: int
    currency: str
    coupon_code: str | None
    payments: tuple[Movement, ...]
    refunds: tuple[Movement, ...]
    charged_back_at: datetime | None
    seller: str
    seller_details: str
    support_email: str | None
