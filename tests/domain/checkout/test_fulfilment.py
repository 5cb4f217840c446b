"""What follows from what a gateway tells: access once for money, and none for what is unlike."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.audit.models import AuditEvent
from app.domain.checkout import fulfilment
from app.domain.checkout.models import EndReason, Order, OrderStatus, Payment, Refund
from app.domain.checkout.transfer_models import PaymentProof, ProofStatus
from app.domain.courses import enrollments, entitlements, seats
from app.domain.courses.models import Course, EnrollmentSource, RevocationReason
from app.domain.outbox.models import Mail
from app.errors import CheckoutRefused, NotFound
from app.integrations.payments import (
    DisputeState,
    PaymentState,
    RefundMade,
    RefundState,
    Report,
)
from tests import factories
from tests.support.gateway import MemoryGateway
from tests.support.orders import make_order


def _has_access(order: Order) -> bool:
    enrollment = enrollments.find_enrollment(order.user_id, order.course_id)
    return enrollment is not None and enrollment.revoked_at is None


def _ended_by(order: Order) -> RevocationReason | None:
    enrollment = enrollments.find_enrollment(order.user_id, order.course_id)
    assert enrollment is not None
    assert enrollment.revoked_at is not None
    return enrollment.revocation


def _mails() -> Counter[str]:
    return Counter(db.session.scalars(select(Mail.template)))


def _audited(order: Order) -> Counter[str]:
    db.session.commit()
    rows = db.session.scalars(select(AuditEvent.action).where(AuditEvent.subject_id == order.id))
    return Counter(rows)


def _refunded(order: Order, amount: int, name: str = "re_1") -> RefundMade:
    return RefundMade(name, RefundState.SUCCEEDED, amount)


def test_money_opens_the_course_once(gateway: MemoryGateway, order: Order) -> None:
    told = gateway.pay(order)
    for _ in range(3):
        fulfilment.apply(told, "card")
    assert (order.status, order.paid_at is not None) == (OrderStatus.PAID, True)
    assert _has_access(order)
    assert _mails() == {"receipt": 1}
    assert _audited(order) == {"order.paid": 1}
    assert db.session.get_one(Course, order.course_id).learner_count == 1


def test_an_open_attempt_changes_nothing(gateway: MemoryGateway, order: Order) -> None:
    applied = fulfilment.apply(gateway.look_up(order.gateway_reference or ""), "card")
    assert (applied.news, order.status, _has_access(order)) == ((), OrderStatus.OPEN, False)


@pytest.mark.parametrize(
    ("amount", "currency", "reason"),
    [(11_999, "ETB", "amount"), (12_001, "ETB", "amount"), (12_000, "USD", "currency")],
)
def test_money_unlike_the_order_is_kept_and_held(
    gateway: MemoryGateway, order: Order, amount: int, currency: str, reason: str
) -> None:
    fulfilment.apply(gateway.pay(order, amount, currency), "card")
    assert (order.status, order.hold_reason) == (OrderStatus.HELD, reason)
    assert not _has_access(order)
    assert not _mails()
    payment = db.session.scalars(select(Payment).where(Payment.order_id == order.id)).one()
    assert (payment.amount_minor, payment.currency) == (amount, currency)
    assert _audited(order) == {"order.held": 1}


def test_staff_lets_a_held_order_pass(gateway: MemoryGateway, order: Order, admin: User) -> None:
    fulfilment.apply(gateway.pay(order, 11_999), "card")
    fulfilment.release_hold(order, admin.id)
    assert order.status is OrderStatus.PAID
    assert _has_access(order)
    assert _mails() == {"receipt": 1}
    with pytest.raises(CheckoutRefused):
        fulfilment.release_hold(order, admin.id)


def test_the_right_sum_after_a_wrong_one_opens_the_course(
    gateway: MemoryGateway, order: Order
) -> None:
    fulfilment.apply(gateway.pay(order, 1), "card")
    fulfilment.record_payment(order, "card", "pi_second", order.total_minor, order.currency)
    assert (order.status, order.hold_reason) == (OrderStatus.PAID, None)
    assert _has_access(order)


def test_a_held_order_that_went_back_is_refunded(gateway: MemoryGateway, order: Order) -> None:
    fulfilment.apply(gateway.pay(order, 500), "card")
    told = gateway.add_refund(order.gateway_reference or "", _refunded(order, 500))
    fulfilment.apply(told, "card")
    assert order.status is OrderStatus.REFUNDED
    assert not _has_access(order)


def test_a_report_that_names_another_order_is_held(
    gateway: MemoryGateway, order: Order, priced: Course, outsider: User
) -> None:
    other = make_order(outsider, priced)
    told = gateway.pay(order)
    mixed = Report(told.state, other.id, told.reference, told.payment_id, told.received)
    fulfilment.apply(mixed, "card")
    assert (order.status, order.hold_reason) == (OrderStatus.HELD, "order")
    assert not _has_access(order)
    assert not _has_access(other)


def test_a_foreign_attempt_for_an_order_is_held(gateway: MemoryGateway, order: Order) -> None:
    told = gateway.pay(order)
    foreign = Report(told.state, order.id, "cs_foreign", told.payment_id, told.received)
    fulfilment.apply(foreign, "card")
    assert order.status is OrderStatus.HELD
    assert not _has_access(order)


def test_money_for_no_order_is_said(gateway: MemoryGateway, order: Order) -> None:
    told = gateway.pay(order)
    with pytest.raises(NotFound):
        fulfilment.apply(Report(told.state, reference="cs_x", received=told.received), "card")


def test_an_attempt_whose_name_was_lost_is_known_by_its_order(
    gateway: MemoryGateway, order: Order
) -> None:
    order.gateway_reference = None
    fulfilment.apply(gateway.pay(order), "card")
    assert (order.status, order.gateway_reference) == (OrderStatus.PAID, f"cs_{order.id.hex}")


def test_late_money_opens_the_course_of_an_ended_order(
    gateway: MemoryGateway, order: Order
) -> None:
    fulfilment.end(order, EndReason.EXPIRED)
    assert order.status is OrderStatus.EXPIRED
    fulfilment.apply(gateway.pay(order), "card")
    assert order.status is OrderStatus.PAID
    assert _has_access(order)


def test_late_and_wrong_money_is_held_beside_a_new_order(
    gateway: MemoryGateway, order: Order, learner: User, priced: Course
) -> None:
    fulfilment.end(order, EndReason.EXPIRED)
    db.session.commit()
    make_order(learner, priced)
    fulfilment.apply(gateway.pay(order, 7), "card")
    db.session.commit()
    assert order.status is OrderStatus.HELD


def test_nothing_ends_an_order_that_is_paid(gateway: MemoryGateway, order: Order) -> None:
    fulfilment.apply(gateway.pay(order), "card")
    fulfilment.end(order, EndReason.CANCELLED)
    fulfilment.apply(Report(PaymentState.EXPIRED, order.id), "card")
    assert (order.status, order.ended_as) == (OrderStatus.PAID, None)


def test_the_same_end_is_reached_whoever_ends_it_first(
    learner: User, outsider: User, priced: Course, gateway: MemoryGateway
) -> None:
    first, second = make_order(learner, priced), make_order(outsider, priced)
    for reason in (EndReason.EXPIRED, EndReason.CANCELLED):
        fulfilment.end(first, reason)
    for reason in (EndReason.CANCELLED, EndReason.EXPIRED):
        fulfilment.end(second, reason)
    assert first.status is second.status is OrderStatus.CANCELLED


def test_an_end_frees_the_seat(order: Order) -> None:
    seats.take(order.course_id, order.user_id, order.id)
    assert seats.has_seat(order.course_id, order.user_id)
    fulfilment.end(order, EndReason.CANCELLED)
    assert not seats.has_seat(order.course_id, order.user_id)


def test_a_part_that_went_back_leaves_the_course_open(gateway: MemoryGateway, order: Order) -> None:
    fulfilment.apply(gateway.pay(order), "card")
    told = gateway.add_refund(order.gateway_reference or "", _refunded(order, 5_000))
    fulfilment.apply(told, "card")
    assert order.status is OrderStatus.PAID
    assert _has_access(order)
    rest = gateway.add_refund(order.gateway_reference or "", _refunded(order, 7_000, "re_2"))
    fulfilment.apply(rest, "card")
    assert order.status is OrderStatus.REFUNDED
    assert _ended_by(order) is RevocationReason.REFUND
    assert _mails() == {"receipt": 1, "refund_made": 2}


def test_an_older_word_about_a_refund_does_not_undo_it(
    gateway: MemoryGateway, order: Order
) -> None:
    fulfilment.apply(gateway.pay(order), "card")
    reference = order.gateway_reference or ""
    done = gateway.add_refund(reference, _refunded(order, 12_000))
    pending = gateway.add_refund(reference, RefundMade("re_1", RefundState.PENDING, 12_000))
    for told in (done, pending, done):
        fulfilment.apply(told, "card")
    assert order.status is OrderStatus.REFUNDED
    assert _mails()["refund_made"] == 1


def test_a_sum_that_went_back_by_unknown_refunds_is_to_be_looked_up(
    gateway: MemoryGateway, order: Order
) -> None:
    fulfilment.apply(gateway.pay(order), "card")
    told = gateway.add_refund(order.gateway_reference or "", _refunded(order, 12_000))
    assert told.received is not None
    silent = Report(
        told.state,
        told.order_id,
        payment_id=told.payment_id,
        received=type(told.received)(told.received.payment_id, 12_000, "ETB", 12_000),
    )
    assert fulfilment.apply(silent, "card").needs_look_up
    assert not fulfilment.apply(told, "card").needs_look_up
    assert not fulfilment.apply(silent, "card").needs_look_up


def test_a_dispute_closes_the_course_and_its_end_decides(
    gateway: MemoryGateway, order: Order
) -> None:
    fulfilment.apply(gateway.pay(order), "card")
    reference = order.gateway_reference or ""
    fulfilment.apply(gateway.add_dispute(reference, DisputeState.OPEN), "card")
    assert (order.status, _ended_by(order)) == (OrderStatus.DISPUTED, RevocationReason.DISPUTE)
    fulfilment.apply(gateway.add_dispute(reference, DisputeState.WON), "card")
    assert order.status is OrderStatus.PAID
    assert _has_access(order)
    fulfilment.apply(gateway.add_dispute(reference, DisputeState.LOST, "dp_2"), "card")
    assert (order.status, _ended_by(order)) == (OrderStatus.CHARGED_BACK, RevocationReason.DISPUTE)
    assert _audited(order) == {"order.paid": 1, "order.disputed": 3}


def test_money_gives_nobody_back_what_staff_took(gateway: MemoryGateway, order: Order) -> None:
    fulfilment.apply(gateway.pay(order), "card")
    enrollments.revoke(order.user_id, order.course_id)
    fulfilment.settle(order)
    reference = order.gateway_reference or ""
    for state in (DisputeState.OPEN, DisputeState.WON):
        fulfilment.apply(gateway.add_dispute(reference, state), "card")
    assert _ended_by(order) is RevocationReason.STAFF


def test_a_refund_leaves_what_came_another_way(gateway: MemoryGateway, order: Order) -> None:
    entitlements.grant(order.user_id, order.course_id, EnrollmentSource.MANUAL)
    fulfilment.apply(gateway.pay(order), "card")
    told = gateway.add_refund(order.gateway_reference or "", _refunded(order, 12_000))
    fulfilment.apply(told, "card")
    assert order.status is OrderStatus.REFUNDED
    assert _has_access(order)


def test_what_was_earned_before_a_refund_stays(gateway: MemoryGateway, order: Order) -> None:
    fulfilment.apply(gateway.pay(order), "card")
    enrollment = enrollments.find_enrollment(order.user_id, order.course_id)
    assert enrollment is not None
    enrollment.completed_at = completed_at = utcnow()
    told = gateway.add_refund(order.gateway_reference or "", _refunded(order, 12_000))
    fulfilment.apply(told, "card")
    assert _ended_by(order) is RevocationReason.REFUND
    assert enrollment.completed_at == completed_at


def test_a_free_order_completes_at_once_and_a_priced_one_does_not(
    learner: User, outsider: User, priced: Course
) -> None:
    free = make_order(learner, priced, 0, list_price_minor=12_000, method="free")
    for _ in range(2):
        fulfilment.complete_free(free)
    assert free.status is OrderStatus.PAID
    assert _has_access(free)
    assert _mails() == {"receipt": 1}
    assert _audited(free) == {"order.paid": 1}
    with pytest.raises(CheckoutRefused):
        fulfilment.complete_free(make_order(outsider, priced))


def _proof(order: Order) -> PaymentProof:
    proof = PaymentProof(
        order_id=order.id,
        storage_key=f"proofs/{order.id}/x",
        content_type="image/webp",
        size_bytes=1,
        sha256="0" * 64,
    )
    db.session.add(proof)
    return proof


def test_access_ahead_of_the_money_ends_with_its_time(
    learner: User, priced: Course, admin: User
) -> None:
    order = make_order(learner, priced, method="transfer")
    proof = _proof(order)
    order.provisional_ends_at = utcnow() + timedelta(hours=24)
    fulfilment.settle(order)
    assert order.status is OrderStatus.UNDER_REVIEW
    assert _has_access(order)
    with shifted(timedelta(hours=25)):
        fulfilment.settle(order)
    assert _ended_by(order) is RevocationReason.PROVISIONAL_ENDED
    proof.status = ProofStatus.APPROVED
    fulfilment.record_payment(order, "transfer", str(proof.id), 12_000, "ETB", by=admin.id)
    assert order.status is OrderStatus.PAID
    assert _has_access(order)


def test_money_gives_what_staff_took_of_what_was_given_ahead_of_it(
    learner: User, priced: Course, admin: User
) -> None:
    order = make_order(learner, priced, method="transfer")
    _proof(order)
    order.provisional_ends_at = utcnow() + timedelta(hours=24)
    fulfilment.settle(order)
    enrollments.revoke(order.user_id, order.course_id)
    fulfilment.settle(order)
    assert _ended_by(order) is RevocationReason.STAFF
    fulfilment.record_payment(order, "transfer", "proof-1", 12_000, "ETB", by=admin.id)
    assert _has_access(order)
    enrollments.revoke(order.user_id, order.course_id)
    fulfilment.settle(order)
    assert _ended_by(order) is RevocationReason.STAFF


def test_a_rejected_proof_takes_what_it_gave_ahead(learner: User, priced: Course) -> None:
    order = make_order(learner, priced, method="transfer")
    proof = _proof(order)
    order.provisional_ends_at = utcnow() + timedelta(hours=24)
    fulfilment.settle(order)
    proof.status = ProofStatus.REJECTED
    fulfilment.settle(order)
    assert (order.status, _ended_by(order)) == (OrderStatus.OPEN, RevocationReason.PROOF_REJECTED)


def test_money_that_comes_twice_is_kept_twice(gateway: MemoryGateway, order: Order) -> None:
    fulfilment.apply(gateway.pay(order), "card")
    fulfilment.record_payment(order, "card", "pi_again", 12_000, "ETB")
    assert order.status is OrderStatus.PAID
    assert len(db.session.scalars(select(Payment)).all()) == 2
    assert _mails() == {"receipt": 1}
    assert _audited(order) == {"order.paid": 1, "payment.recorded": 1}


def test_a_refund_that_failed_after_all_gives_the_course_back(
    gateway: MemoryGateway, order: Order
) -> None:
    fulfilment.apply(gateway.pay(order), "card")
    reference = order.gateway_reference or ""
    fulfilment.apply(gateway.add_refund(reference, _refunded(order, 12_000)), "card")
    back = RefundMade("re_1", RefundState.FAILED, 12_000, detail="expired_or_canceled_card")
    fulfilment.apply(gateway.add_refund(reference, back), "card")
    assert order.status is OrderStatus.PAID
    assert _has_access(order)
    refund = db.session.scalars(select(Refund)).one()
    assert refund.error_detail == "expired_or_canceled_card"
    assert _audited(order)["refund.failed"] == 1


def test_nobody_is_written_to_who_left(gateway: MemoryGateway, priced: Course) -> None:
    gone = factories.make_user()
    order = make_order(gone, priced)
    gateway.open(order)
    gone.status = type(gone.status).SUSPENDED
    fulfilment.apply(gateway.pay(order), "card")
    assert not _mails()
