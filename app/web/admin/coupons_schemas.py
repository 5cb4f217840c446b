"""The JSON of coupons."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.domain.checkout.coupon_list import CouponState
from app.web.admin.admission_schemas import Id, StaffCourseName
from app.web.admin.queries import Text
from app.web.admin.schemas import PageQuery
from app.web.json import Body

Moment = Annotated[AwareDatetime, Field(strict=False)]


class CouponsQuery(PageQuery):
    """Which coupons a list shows; `q` is a part of a code or of a note."""

    model_config = ConfigDict(frozen=True)

    q: Text = ""
    course_id: UUID | None = None


class CouponAmount(Body):
    """What a coupon takes off, in minor units of one currency."""

    amount_minor: int
    currency: str


class NewCoupon(Body):
    """A new coupon: `percent` or `amount`; without a code it gets one, without a course it counts
    for all, and a bound that is null does not bound.
    """

    code: str | None = None
    percent: int | None = None
    amount: CouponAmount | None = None
    course_id: Id | None = None
    max_redemptions: int | None = None
    max_per_user: int | None = 1
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    is_active: bool = True
    note: str = ""


class CouponChange(Body):
    """What to change of a coupon; `version` is the one that was seen, without it the last wins."""

    version: Annotated[int, Field(ge=0)] | None = None
    code: str | None = None
    percent: int | None = None
    amount: CouponAmount | None = None
    course_id: Id | None = None
    max_redemptions: int | None = None
    max_per_user: int | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    is_active: bool | None = None
    note: str | None = None


class StaffAmount(BaseModel):
    """An amount in minor units of an ISO 4217 currency."""

    amount_minor: int
    currency: str


class StaffCoupon(BaseModel):
    """A coupon; `redeemed` counts the orders that hold a use of it."""

    id: UUID
    code: str
    percent: int | None
    amount: StaffAmount | None
    course: StaffCourseName | None
    max_redemptions: int | None
    max_per_user: int | None
    redeemed: int
    starts_at: AwareDatetime | None
    ends_at: AwareDatetime | None
    is_active: bool
    state: CouponState
    note: str
    version: int
    created_at: AwareDatetime


class StaffCouponDocument(BaseModel):
    """A coupon."""

    coupon: StaffCoupon


class StaffCouponsDocument(BaseModel):
    """Coupons, newest first."""

    items: list[StaffCoupon]
    next_cursor: str | None
