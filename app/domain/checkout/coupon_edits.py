"""Making, changing and deleting coupons: administrators all, instructors those of their courses."""

import uuid
from typing import Any

from sqlalchemy import func, null, select
from sqlalchemy.exc import IntegrityError

from app.database import db
from app.domain.accounts.models import Role
from app.domain.checkout.coupon_fields import CouponChanges, check_window, columns_of, made_code
from app.domain.checkout.coupon_models import Coupon, CouponRedemption
from app.domain.courses.charge import Maker, own_courses, owner_of, require_maker
from app.domain.courses.models import Course
from app.errors import InUse, InvalidInput, NotFound, VersionConflict

# People have been promised these once somebody has used the coupon.
_PROMISED = ("code", "kind", "percent", "amount_minor", "currency", "course_id")
_FIELD_OF = {
    "kind": "percent",
    "amount_minor": "amount.amount_minor",
    "currency": "amount.currency",
}


def create(maker: Maker, changes: CouponChanges) -> Coupon:
    """Make a coupon, with a code of its own where none is given. Raises Forbidden, InvalidInput."""
    require_maker(maker)
    given: CouponChanges = {"percent": None, "amount": None, "course_id": None}
    given |= changes
    if not given.get("code"):
        given["code"] = made_code()
    columns = columns_of(given)
    check_window(columns)
    _check_course(maker, columns)
    if columns.get("max_per_user", 1) is None:
        columns["max_per_user"] = null()  # or the column's default would take the place of no bound
    coupon = Coupon(id=uuid.uuid4(), created_by_id=maker.id, **columns)
    _keep(coupon)
    return coupon


def change(
    maker: Maker, coupon_id: uuid.UUID, changes: CouponChanges, version: int | None = None
) -> tuple[Coupon, list[str]]:
    """Change some fields; return the coupon and the names of what is other than before.

    Once it was used, what it promises stays. Raises NotFound, Forbidden, InvalidInput, and
    VersionConflict when `version` is not the one it has.
    """
    coupon = _lock(maker, coupon_id)
    given: CouponChanges = {**changes}
    if "percent" in given or "amount" in given:  # naming one of the two takes the other's place
        given.setdefault("percent", None)
        given.setdefault("amount", None)
    columns = columns_of(given)
    changed = {name: value for name, value in columns.items() if getattr(coupon, name) != value}
    if not changed:
        return coupon, []
    if version is not None and version != coupon.version:
        raise VersionConflict(current={"id": coupon.id, "version": coupon.version})
    after = {name: getattr(coupon, name) for name in ("starts_at", "ends_at", "course_id")}
    after |= {name: getattr(coupon, name) for name in ("kind", "currency", "max_redemptions")}
    after |= changed
    check_window(after)
    _check_course(maker, after)
    _check_uses(coupon, changed)
    for name, value in changed.items():
        setattr(coupon, name, value)
    coupon.version += 1
    _keep(coupon)
    return coupon, sorted(changed)


def delete(maker: Maker, coupon_id: uuid.UUID) -> str:
    """Delete a coupon that nobody has used; return its code. Raises NotFound, Forbidden, InUse."""
    coupon = _lock(maker, coupon_id, whole=True)
    uses = select(func.count()).where(CouponRedemption.coupon_id == coupon.id)
    if count := db.session.scalar(uses) or 0:
        raise InUse(
            "Orders have used this coupon. Switch it off instead, so that they can be explained.",
            order_count=count,
        )
    code = coupon.code
    db.session.delete(coupon)
    db.session.flush()
    return code


def _lock(maker: Maker, coupon_id: uuid.UUID, *, whole: bool = False) -> Coupon:
    """Return a coupon that `maker` may change, its row locked. Raises NotFound, Forbidden.

    An order that redeems at the same time waits, or is waited for: a limit is never set below the
    uses that are counted, and no use is counted of what is gone.
    """
    coupon = db.session.scalars(
        select(Coupon)
        .where(Coupon.id == coupon_id, *_own(maker))
        .with_for_update(key_share=not whole)
        .execution_options(populate_existing=True)
    ).first()
    if coupon is None:
        raise NotFound
    require_maker(maker)
    return coupon


def _own(maker: Maker) -> list[Any]:
    owner_id = owner_of(maker)
    if owner_id is None:
        return []
    return [Coupon.course_id.in_(select(Course.id).where(own_courses(owner_id)))]


def _check_course(maker: Maker, columns: dict[str, Any]) -> None:
    """Refuse a course that is not the maker's, or sold in another currency. Raises InvalidInput."""
    course_id = columns.get("course_id")
    if course_id is None:
        if maker.role is not Role.ADMIN:
            raise InvalidInput({"course_id": "Choose one of your courses."})
        return
    currency = db.session.scalar(
        select(Course.currency).where(Course.id == course_id, own_courses(owner_of(maker)))
    )
    if currency is None:
        raise InvalidInput({"course_id": "Choose one of your courses."})
    if columns.get("currency") not in (None, currency):
        raise InvalidInput({"amount.currency": f"The course is sold in {currency}."})


def _check_uses(coupon: Coupon, changed: dict[str, Any]) -> None:
    """Keep what was promised to those who have used it. Raises InvalidInput."""
    if not coupon.redeemed:
        return
    for name in _PROMISED:
        if name in changed:
            remedy = "People have used this coupon. Switch it off and make a new one."
            raise InvalidInput({_FIELD_OF.get(name, name): remedy})
    most = changed.get("max_redemptions")
    if most is not None and most < coupon.redeemed:
        raise InvalidInput(
            {"max_redemptions": f"It was used {coupon.redeemed} times. Give at least that."}
        )


def _keep(coupon: Coupon) -> None:
    # Two coupons of one code race: the unique constraint gives it to one of them.
    try:
        with db.session.begin_nested():
            db.session.add(coupon)
            db.session.flush()
    except IntegrityError as error:
        if "uq_coupons_code" not in str(error.orig):
            raise
        raise InvalidInput({"code": "There is a coupon with this code already."}) from error
    db.session.refresh(coupon)
