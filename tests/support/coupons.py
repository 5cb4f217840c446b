"""Coupons as rows."""

import itertools
from typing import Any

from sqlalchemy import null

from app.database import db
from app.domain.checkout.coupon_models import Coupon, CouponKind

_numbers = itertools.count(1)


def make_coupon(**values: Any) -> Coupon:
    """Add a coupon of 20 % that counts for every course, as often as anybody likes."""
    defaults: dict[str, Any] = {"code": f"TEST{next(_numbers)}", "max_per_user": null()}
    if "amount_minor" in values:
        defaults |= {"kind": CouponKind.AMOUNT, "currency": "ETB"}
    else:
        defaults |= {"kind": CouponKind.PERCENT, "percent": 20}
    coupon = Coupon(**{**defaults, **values})
    db.session.add(coupon)
    db.session.commit()
    return coupon
