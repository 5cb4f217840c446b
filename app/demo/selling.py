"""Furnishes the demo's till: accounts for transfers, coupons, and orders in each of their states.

Whoever attends a course with a price has bought it by transfer; the demo has no card payments.
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from app.clock import utcnow
from app.current import integrations
from app.database import db
from app.demo.content import FILES
from app.domain.accounts.models import User
from app.domain.checkout import fulfilment, proofs
from app.domain.checkout.coupon_models import Coupon, CouponKind, CouponRedemption
from app.domain.checkout.methods import TRANSFER
from app.domain.checkout.models import Order, OrderStatus, Payment, Refund, RefundStatus
from app.domain.checkout.numbers import new_number
from app.domain.checkout.proof_files import FOLDER, WIDTHS, Kept, picture_key
from app.domain.checkout.transfer_models import TransferMethod
from app.domain.courses.entitlement_models import Entitlement, EntitlementKind
from app.domain.courses.models import Course, EnrollmentSource
from app.domain.site.models import SiteChoices
from app.integrations.images import VARIANT_TYPE

SELLER = "Triple Technologies PLC\nBole Road, Addis Ababa, Ethiopia\nTIN 0000 000 000 (demo)"
LASTS = timedelta(days=7)
PHOTO = "transfer-proof.webp"
PHOTO_SHOWS = -440814252354944831
PHOTO_REFERENCE = "CKT4M7Q2XA"
WELCOME_PERCENT = 20
# Who is in which state: the buyer, the course, and how many hours ago.
REVIEWED = ("abel.tesfaye@example.com", "bookkeeping-for-a-small-business", 3)
REFUNDED = ("amina.yusuf@example.com", "sql-from-the-first-query", 150)
WAITING = ("almaz.worku@example.com", "sql-from-the-first-query", 20)
DISCOUNTED = ("learner@example.com", "charts-that-tell-the-truth")


def open_till(admin: User) -> None:
    """Take transfers to two accounts and two coupons, unless somebody has chosen already."""
    if db.session.get(SiteChoices, 1) is None:
        db.session.add(SiteChoices(id=1, takes_transfers=True, receipt_details=SELLER))
    if db.session.scalar(select(TransferMethod.id).limit(1)) is None:
        db.session.add_all(_accounts())
    if db.session.scalar(select(Coupon.id).limit(1)) is None:
        db.session.add_all(_coupons(admin))
    db.session.flush()


def add_books(
    enrollments: Sequence[Mapping[str, Any]], courses: Sequence[Course], users: Mapping[str, User]
) -> None:
    """Write down how people came into `courses`: what they paid, and that it let them in."""
    by_id = {course.id: course for course in courses}
    orders: list[dict[str, Any]] = []
    grants: list[dict[str, Any]] = []
    discounted = users[DISCOUNTED[0]].id, DISCOUNTED[1]
    for enrollment in enrollments:
        course = by_id[enrollment["course_id"]]
        order_id = None
        if enrollment["source"] is EnrollmentSource.PURCHASE:
            is_cheaper = (enrollment["user_id"], course.slug) == discounted
            paid_at = enrollment["created_at"]
            order = _order(enrollment["user_id"], course, paid_at, with_coupon=is_cheaper)
            order_id = order["id"]
            orders.append(order | {"status": OrderStatus.PAID, "paid_at": paid_at})
        grants.append(_grant(enrollment, order_id))
    if orders:
        db.session.execute(insert(Order), orders)
        db.session.execute(insert(Payment), [_payment(order, users) for order in orders])
        _redeem([order for order in orders if order["coupon_id"]])
    if grants:
        db.session.execute(insert(Entitlement), grants)


def add_orders(users: Mapping[str, User], courses: Sequence[Course]) -> None:
    """Add an order that waits for money, one for its review, and one that was given back."""
    by_slug = {course.slug: course for course in courses}
    for (email, slug, hours), finish in (
        (WAITING, lambda _order: None),
        (REVIEWED, _send_photo),
        (REFUNDED, _pay_and_give_back),
    ):
        if slug in by_slug:
            at = utcnow() - timedelta(hours=hours)
            row = _order(users[email].id, by_slug[slug], at, with_coupon=False)
            db.session.execute(insert(Order), [row | {"status": OrderStatus.OPEN, "paid_at": None}])
            finish(db.session.get_one(Order, row["id"]))


def _accounts() -> list[TransferMethod]:
    telebirr = "Open Telebirr, choose Send money, and write the order number as the reason."
    bank = "Transfer at any branch or in CBE Birr, and write the order number as the reason."
    name = "Triple Technologies PLC"
    return [
        TransferMethod(
            name="Telebirr", account_name=name, account_number="0911 000 042",
            instructions=telebirr, currency="ETB", position=0,
        ),
        TransferMethod(
            name="CBE", account_name=name, account_number="1000 0000 00042",
            instructions=bank, currency=None, position=1,
        ),
    ]  # fmt: skip


def _coupons(admin: User) -> list[Coupon]:
    return [
        Coupon(
            code="WELCOME20", kind=CouponKind.PERCENT, percent=WELCOME_PERCENT,
            max_redemptions=500, note="For newcomers", created_by_id=admin.id,
        ),
        Coupon(
            code="FREEPASS", kind=CouponKind.PERCENT, percent=100, max_redemptions=20,
            note="Full scholarships", created_by_id=admin.id,
        ),
    ]  # fmt: skip


def _order(
    user_id: uuid.UUID, course: Course, at: datetime, *, with_coupon: bool
) -> dict[str, Any]:
    coupon = None
    if with_coupon:
        coupon = db.session.scalar(select(Coupon).where(Coupon.code == "WELCOME20"))
    discount = course.price_minor * WELCOME_PERCENT // 100 if coupon else 0
    account = db.session.scalar(
        select(TransferMethod)
        .where(TransferMethod.currency.in_((course.currency,)) | TransferMethod.currency.is_(None))
        .order_by(TransferMethod.position)
        .limit(1)
    )
    return {
        "id": uuid.uuid4(),
        "number": new_number(),
        "user_id": user_id,
        "course_id": course.id,
        "course_title": course.title,
        "method": TRANSFER,
        "transfer_method_id": account.id if account else None,
        "list_price_minor": course.price_minor,
        "discount_minor": discount,
        "total_minor": course.price_minor - discount,
        "currency": course.currency,
        "coupon_id": coupon.id if coupon else None,
        "coupon_code": coupon.code if coupon else None,
        "consented_at": at,
        "created_at": at,
        "expires_at": at + LASTS,
    }


def _payment(order: Mapping[str, Any], users: Mapping[str, User]) -> dict[str, Any]:
    return {
        "id": uuid.uuid4(),
        "order_id": order["id"],
        "gateway": TRANSFER,
        "gateway_payment_id": f"transfer-{order['number']}",
        "amount_minor": order["total_minor"],
        "currency": order["currency"],
        "received_at": order["paid_at"],
        "recorded_by_id": users["admin@example.com"].id,
    }


def _grant(enrollment: Mapping[str, Any], order_id: uuid.UUID | None) -> dict[str, Any]:
    return {
        "user_id": enrollment["user_id"],
        "course_id": enrollment["course_id"],
        "kind": EntitlementKind.GRANT,
        "source": enrollment["source"],
        "order_id": order_id,
        "created_at": enrollment["created_at"],
    }


def _redeem(orders: Sequence[Mapping[str, Any]]) -> None:
    for order in orders:
        db.session.get_one(Coupon, order["coupon_id"]).redeemed += 1
        db.session.add(
            CouponRedemption(
                coupon_id=order["coupon_id"],
                user_id=order["user_id"],
                order_id=order["id"],
                created_at=order["created_at"],
            )
        )
    db.session.flush()


def _send_photo(order: Order) -> None:
    """Send the shipped picture as the proof of an order; it is small enough for every size."""
    picture = (FILES / PHOTO).read_bytes()
    digest = hashlib.sha256(picture).hexdigest()
    proof_id = uuid.uuid4()
    kept = Kept(proof_id, order.id, VARIANT_TYPE, len(picture), digest, PHOTO_SHOWS)
    for width in WIDTHS:
        key = picture_key(f"{FOLDER}/{order.id}/{proof_id}", width)
        integrations.storage.put_bytes(key, picture, VARIANT_TYPE)
    proofs.send(order.user_id, order.id, kept, PHOTO_REFERENCE)


def _pay_and_give_back(order: Order) -> None:
    payment = fulfilment.record_payment(
        order, TRANSFER, f"transfer-{order.number}", order.total_minor, order.currency
    )
    if payment is None:
        return
    db.session.add(
        Refund(
            order_id=order.id,
            payment_id=payment.id,
            status=RefundStatus.SUCCEEDED,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            reason="Bought for the wrong account.",
            gateway_refund_id=f"back-{order.number}",
        )
    )
    db.session.flush()
    fulfilment.settle(order)
