"""Receipts say what was paid, what for, and what went back."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout import receipts
from app.domain.checkout.models import Dispute, DisputeStatus, OrderStatus, RefundStatus
from app.domain.checkout.transfer_models import PaymentProof, ProofStatus, TransferMethod
from app.domain.courses.models import Course
from app.domain.site import choices
from app.errors import NotFound
from tests.support.orders import make_order, make_payment, make_refund
from tests.support.pdf import text_of

MORNING = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)


def test_a_receipt_names_buyer_course_price_discount_and_payment(
    learner: User, course: Course
) -> None:
    order = make_order(learner, course, 12_000, list_price_minor=15_000, coupon_code="WELCOME")
    payment = make_payment(order, received_at=MORNING)
    text = text_of(receipts.render(order))
    for wanted in (
        learner.name,
        learner.email,
        course.title,
        order.number,
        "ETB 150.00",
        "Discount (WELCOME)",
        "\u2212ETB 30.00",
        "ETB 120.00",
        "November 20, 2026",
        payment.gateway_payment_id,
        "Card",
    ):
        assert wanted in text
    assert "Refund" not in text


def test_dates_are_those_of_the_readers_zone(learner: User, course: Course) -> None:
    order = make_order(learner, course)
    make_payment(order, received_at=MORNING)
    assert "November 21, 2026" in text_of(receipts.render(order, "en", "Africa/Addis_Ababa"))
    assert "November 20, 2026" in text_of(receipts.render(order, "en", "Nowhere/Else"))


def test_ethiopic_and_extended_latin_letters_can_be_read_and_unknown_ones_do_no_harm(
    learner: User, course: Course
) -> None:
    learner.name = "ሰላም Łukasz Ñ Привет (\\) العربية 🎓"
    db.session.commit()
    order = make_order(learner, course, course_title="ሂሳብ አያያዝ")
    make_payment(order)
    text = text_of(receipts.render(order))
    assert "ሰላም Łukasz Ñ Привет (\\)" in text
    assert "ሂሳብ አያያዝ" in text


def test_a_receipt_speaks_the_readers_language(learner: User, course: Course) -> None:
    order = make_order(learner, course)
    make_payment(order, received_at=MORNING)
    assert "ኖቬምበር" in text_of(receipts.render(order, "am"))


def test_refunds_are_named_and_taken_off(learner: User, course: Course) -> None:
    order = make_order(learner, course, 12_000)
    payment = make_payment(order)
    make_refund(payment, 4_500)
    make_refund(payment, 7_000, status=RefundStatus.FAILED, settled_at=None)
    make_refund(payment, 100, status=RefundStatus.REQUESTED, settled_at=None)
    text = text_of(receipts.render(order))
    assert "Partly refunded" in text
    assert "\u2212ETB 45.00" in text
    assert "ETB 75.00" in text
    make_refund(payment, 7_500)
    text = text_of(receipts.render(order))
    assert "Refunded" in text
    assert "ETB 0.00" in text


def test_a_chargeback_is_marked(learner: User, course: Course) -> None:
    order = make_order(learner, course)
    payment = make_payment(order)
    db.session.add(
        Dispute(
            order_id=order.id,
            payment_id=payment.id,
            gateway="card",
            gateway_dispute_id="dp_1",
            status=DisputeStatus.LOST,
            amount_minor=12_000,
            closed_at=MORNING,
        )
    )
    db.session.commit()
    mark = "Taken back by the payer's bank on November 20, 2026"
    assert mark in " ".join(text_of(receipts.render(order)).split())


def test_a_transfer_names_the_account_it_went_to(learner: User, course: Course) -> None:
    way = TransferMethod(name="Telebirr", account_name="Triple", account_number="0911")
    db.session.add(way)
    db.session.flush()
    order = make_order(learner, course, method="transfer", transfer_method_id=way.id)
    proof = PaymentProof(
        order_id=order.id,
        status=ProofStatus.APPROVED,
        reference="CJ7-REF",
        storage_key="",
        content_type="image/webp",
        size_bytes=1,
        sha256="0" * 64,
    )
    db.session.add(proof)
    db.session.flush()
    make_payment(order, gateway_payment_id=f"proof-{proof.id}")
    text = text_of(receipts.render(order))
    assert "Telebirr" in text
    assert "CJ7-REF" in text
    assert "proof-" not in text, "our own name for it says nothing to anybody"


def test_a_free_order_has_a_receipt_over_nothing(learner: User, course: Course) -> None:
    order = make_order(learner, course, 0, list_price_minor=9_000, method="free", paid_at=utcnow())
    text = text_of(receipts.render(order))
    assert "Nothing to pay" in text
    assert "ETB 0.00" in text


def test_the_seller_says_who_they_are(learner: User, admin: User, course: Course) -> None:
    choices.change(admin.id, {"name": "Loom School", "receipt_details": "Loom PLC\nTIN 0042"})
    db.session.commit()
    choices.forget()
    order = make_order(learner, course)
    make_payment(order)
    text = text_of(receipts.render(order))
    for wanted in ("Loom School", "Loom PLC", "TIN 0042"):
        assert wanted in text


def test_money_that_was_held_and_went_back_has_a_receipt(learner: User, course: Course) -> None:
    order = make_order(learner, course)
    payment = make_payment(order, received_at=MORNING)
    order.status, order.paid_at = OrderStatus.HELD, None
    db.session.commit()
    with pytest.raises(NotFound):
        receipts.find(learner.id, order.id)
    make_refund(payment, payment.amount_minor)
    order.status = OrderStatus.REFUNDED
    db.session.commit()
    text = text_of(receipts.render(receipts.find(learner.id, order.id)))
    assert "Refunded" in text
    assert "November 20, 2026" in text


def test_equal_facts_give_equal_bytes(learner: User, course: Course) -> None:
    order = make_order(learner, course)
    make_payment(order)
    assert receipts.render(order) == receipts.render(order)


def test_a_receipt_of_many_rows_goes_over_several_pages(learner: User, course: Course) -> None:
    order = make_order(learner, course, 12_000, course_title="A very long title " * 30)
    payment = make_payment(order)
    for number in range(60):
        make_refund(payment, 100 + number, settled_at=MORNING + timedelta(days=number))
    pdf = receipts.render(order)
    assert pdf.count(b"/Type /Page\n") >= 2
    assert "\u2212ETB 1.59" in text_of(pdf)


def test_nobody_finds_a_receipt_of_what_is_not_paid_or_not_theirs(
    learner: User, outsider: User, course: Course
) -> None:
    order = make_order(learner, course)
    for user_id, order_id in (
        (learner.id, order.id),
        (outsider.id, order.id),
        (learner.id, uuid.uuid4()),
    ):
        with pytest.raises(NotFound):
            receipts.find(user_id, order_id)
    with pytest.raises(NotFound):
        receipts.render(order)
    make_payment(order)
    assert receipts.find(learner.id, order.id) is order
    with pytest.raises(NotFound):
        receipts.find(outsider.id, order.id)
