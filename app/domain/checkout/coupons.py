"""Using coupons: which count for whom, and each use counted exactly once."""

import enum
import unicodedata
import uuid
from datetime import datetime

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app.clock import utcnow
from app.database import db
from app.domain.checkout.coupon_models import Coupon, CouponKind, CouponRedemption
from app.domain.courses.models import Course
from app.errors import CouponInvalid

MAX_CODE = 40


class Refusal(enum.StrEnum):
    """Which rule a coupon breaks."""

    UNKNOWN = "unknown"
    INACTIVE = "inactive"
    OTHER_COURSE = "other_course"
    NOT_YET = "not_yet"
    OVER = "over"
    OTHER_CURRENCY = "other_currency"
    USED_UP = "used_up"
    ALREADY_USED = "already_used"


_DETAILS = {
    Refusal.UNKNOWN: "There is no such coupon for this course. Check the code, or leave it out.",
    Refusal.NOT_YET: "This coupon does not count yet. Try again later, or leave it out.",
    Refusal.OVER: "This coupon does not count any more. Leave it out.",
    Refusal.OTHER_CURRENCY: "This coupon is for another currency. Leave it out.",
    Refusal.USED_UP: "This coupon was used as often as it could be. Leave it out.",
    Refusal.ALREADY_USED: "You have used this coupon already. Leave it out.",
}
# Whoever guesses codes learns no more than that there is none for this course.
_KEPT_QUIET = (Refusal.INACTIVE, Refusal.OTHER_COURSE)


def normal(code: str) -> str:
    """Return a code as it is kept: without spaces, full-width letters and lower case."""
    return "".join(unicodedata.normalize("NFKC", code).split()).upper()


def find(code: str, user_id: uuid.UUID, course: Course, now: datetime) -> Coupon:
    """Return the coupon that `code` means if it counts here and now. Raises CouponInvalid."""
    wanted = normal(code)
    if not wanted or len(wanted) > MAX_CODE or not wanted.isprintable():
        raise _refused(Refusal.UNKNOWN)
    coupon = db.session.scalars(
        select(Coupon).where(Coupon.code == wanted).execution_options(populate_existing=True)
    ).first()
    if coupon is None:
        raise _refused(Refusal.UNKNOWN)
    refusal = refusal_of(coupon, course, now)
    if refusal is None and _is_used_by(coupon, user_id):
        refusal = Refusal.ALREADY_USED
    if refusal is not None:
        raise _refused(refusal)
    return coupon


def refusal_of(coupon: Coupon, course: Course | None, now: datetime) -> Refusal | None:
    """Return which rule keeps a coupon from counting, for anybody; None when it does.

    Without a course only those rules are asked that hold for all of them.
    """
    if not coupon.is_active:
        return Refusal.INACTIVE
    if course is not None and coupon.course_id not in (None, course.id):
        return Refusal.OTHER_COURSE
    if coupon.starts_at is not None and now < coupon.starts_at:
        return Refusal.NOT_YET
    if coupon.ends_at is not None and now >= coupon.ends_at:
        return Refusal.OVER
    is_amount = coupon.kind is CouponKind.AMOUNT
    if is_amount and course is not None and coupon.currency != course.currency:
        return Refusal.OTHER_CURRENCY
    if coupon.max_redemptions is not None and coupon.redeemed >= coupon.max_redemptions:
        return Refusal.USED_UP
    return None


def redeem(coupon: Coupon, user_id: uuid.UUID, order_id: uuid.UUID) -> None:
    """Count one use of a coupon for an order; again for the same order counts nothing.

    Raises CouponInvalid, after which the caller's transaction is to be rolled back.
    """
    if _is_held_by(order_id, coupon.id):
        return
    # Everybody wants the last use at once: the row is locked by the statement that counts, which
    # reads the newest count, so exactly as many get through as there are uses. The lock is held
    # until the commit, so that two orders of one person cannot both overlook the other's use.
    counted = db.session.scalar(
        update(Coupon)
        .where(
            Coupon.id == coupon.id,
            Coupon.is_active,
            or_(Coupon.max_redemptions.is_(None), Coupon.redeemed < Coupon.max_redemptions),
        )
        .values(redeemed=Coupon.redeemed + 1)
        .returning(Coupon.id)
        .execution_options(synchronize_session=False)
    )
    if counted is None:
        is_active = db.session.scalar(select(Coupon.is_active).where(Coupon.id == coupon.id))
        raise _refused(Refusal.USED_UP if is_active else Refusal.UNKNOWN)
    if _is_used_by(coupon, user_id):
        raise _refused(Refusal.ALREADY_USED)
    _insert(coupon.id, user_id, order_id)
    db.session.refresh(coupon)


def release(order_id: uuid.UUID) -> bool:
    """Give the use of an order that ended without money back; True when it held one."""
    # A killed worker and its successor may both end the order: only the statement that marks the
    # use gives it back.
    coupon_id = db.session.scalar(
        update(CouponRedemption)
        .where(CouponRedemption.order_id == order_id, CouponRedemption.released_at.is_(None))
        .values(released_at=utcnow())
        .returning(CouponRedemption.coupon_id)
        .execution_options(synchronize_session=False)
    )
    if coupon_id is None:
        return False
    _give_back(coupon_id)
    return True


def _is_held_by(order_id: uuid.UUID, coupon_id: uuid.UUID) -> bool:
    held = select(CouponRedemption.id).where(
        CouponRedemption.order_id == order_id,
        CouponRedemption.coupon_id == coupon_id,
        CouponRedemption.released_at.is_(None),
    )
    return db.session.scalar(held) is not None


def _insert(coupon_id: uuid.UUID, user_id: uuid.UUID, order_id: uuid.UUID) -> None:
    """Note the use; an order that gave one back holds it again."""
    made = insert(CouponRedemption).values(
        id=uuid.uuid4(),
        coupon_id=coupon_id,
        user_id=user_id,
        order_id=order_id,
        created_at=utcnow(),
    )
    db.session.execute(
        made.on_conflict_do_update(
            index_elements=["order_id"], set_={"released_at": None, "coupon_id": coupon_id}
        )
    )


def _give_back(coupon_id: uuid.UUID) -> None:
    db.session.execute(
        update(Coupon)
        .where(Coupon.id == coupon_id, Coupon.redeemed > 0)
        .values(redeemed=Coupon.redeemed - 1)
        .execution_options(synchronize_session=False)
    )


def _is_used_by(coupon: Coupon, user_id: uuid.UUID) -> bool:
    """Whether a person holds as many uses as one may."""
    if coupon.max_per_user is None:
        return False
    uses = select(func.count()).where(
        CouponRedemption.coupon_id == coupon.id,
        CouponRedemption.user_id == user_id,
        CouponRedemption.released_at.is_(None),
    )
    return (db.session.scalar(uses) or 0) >= coupon.max_per_user


def _refused(refusal: Refusal) -> CouponInvalid:
    shown = Refusal.UNKNOWN if refusal in _KEPT_QUIET else refusal
    return CouponInvalid(_DETAILS[shown], reason=shown.value)
