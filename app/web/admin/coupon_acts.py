"""Making, changing and deleting coupons: what the pages and their JSON twins have in common."""

from uuid import UUID

from app.database import db
from app.domain.audit.actions import Action
from app.domain.checkout import coupon_edits
from app.domain.checkout.coupon_fields import CouponChanges
from app.web import audit
from app.web.access import require_signed_in

KIND = "coupon"


def create(changes: CouponChanges) -> UUID:
    """Make a coupon; return its id. Raises Forbidden, InvalidInput."""
    coupon = coupon_edits.create(require_signed_in(), changes)
    audit.note(Action.COUPON_CREATED, subject=coupon.id, subject_kind=KIND, code=coupon.code)
    coupon_id = coupon.id
    db.session.commit()
    return coupon_id


def change(coupon_id: UUID, changes: CouponChanges, version: int | None) -> bool:
    """Change a coupon; False when it was so. Raises as `coupon_edits.change` does."""
    coupon, changed = coupon_edits.change(require_signed_in(), coupon_id, changes, version)
    if changed:
        audit.note(
            Action.COUPON_CHANGED,
            subject=coupon_id,
            subject_kind=KIND,
            code=coupon.code,
            fields=changed,
        )
    db.session.commit()
    return bool(changed)


def delete(coupon_id: UUID) -> None:
    """Delete a coupon that nobody has used. Raises NotFound, Forbidden, InUse."""
    code = coupon_edits.delete(require_signed_in(), coupon_id)
    audit.note(Action.COUPON_DELETED, subject=coupon_id, subject_kind=KIND, code=code)
    db.session.commit()
