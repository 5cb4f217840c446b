"""Proofs that are sent and decided at once: one of each counts, whoever comes second is told."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.checkout import fulfilment, proofs
from app.domain.checkout.models import EndReason, Order, OrderStatus, Payment
from app.domain.checkout.proof_files import Kept
from app.domain.checkout.transfer_models import PaymentProof, ProofStatus
from app.domain.courses.enrollments import find_enrollment
from app.domain.outbox.models import Mail
from app.errors import CheckoutRefused
from tests import factories
from tests.support.overlap import overlapping
from tests.support.receipts import make_transfer_order

PARALLEL = 8


@pytest.fixture(autouse=True)
def db_session() -> None:
    """These tests commit for real, to a database of their own."""


@dataclass(frozen=True)
class Staff:
    """Somebody who goes through the proofs."""

    id: uuid.UUID
    role: Role = Role.ADMIN


@pytest.fixture
def staff(committed_app: Flask) -> Staff:
    return Staff(factories.make_user(Role.ADMIN).id)


@pytest.fixture
def order(staff: Staff) -> Order:
    """An open order of a course for money."""
    course = factories.make_course(price_minor=12_000, currency="ETB")
    return make_transfer_order(factories.make_user(), course)


def _kept(order: Order, sha256: str = "") -> Kept:
    proof_id = uuid.uuid4()
    return Kept(proof_id, order.id, "image/webp", 1000, sha256 or proof_id.hex, None)


def _sent(order: Order) -> uuid.UUID:
    proof = proofs.send(order.user_id, order.id, _kept(order), "").proof
    db.session.commit()
    return proof.id


def _at_once(app: Flask, act: Callable[[], object]) -> list[object]:
    """Do `act` in several threads at the same moment; return what came of each."""
    start = Barrier(PARALLEL)

    def one(_: int) -> object:
        with app.app_context():
            start.wait(timeout=30)
            try:
                done = act()
                db.session.commit()
            except CheckoutRefused as refused:
                db.session.rollback()
                return refused
            return done

    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(one, range(PARALLEL)))


def _count(table: type, *conditions: object) -> int:
    return db.session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0  # type: ignore[arg-type]


def _is_in(order_id: uuid.UUID) -> bool:
    order = db.session.get_one(Order, order_id)
    enrollment = find_enrollment(order.user_id, order.course_id)
    return enrollment is not None and enrollment.revoked_at is None


def test_the_same_proof_sent_by_many_at_once_is_one(committed_app: Flask, order: Order) -> None:
    user_id, order_id, kept = order.user_id, order.id, [_kept(order, "a" * 64) for _ in range(8)]
    db.session.commit()
    results = _at_once(committed_app, lambda: proofs.send(user_id, order_id, kept.pop(), "").is_new)
    assert sorted(map(bool, results)) == [False] * 7 + [True]
    assert _count(PaymentProof, PaymentProof.order_id == order_id) == 1


def test_many_who_approve_at_once_pay_once(
    committed_app: Flask, order: Order, staff: Staff
) -> None:
    proof_id, order_id = _sent(order), order.id
    results = _at_once(committed_app, lambda: proofs.approve(staff, proof_id).is_new)
    assert sorted(map(bool, results)) == [False] * 7 + [True]
    assert _count(Payment, Payment.order_id == order_id) == 1
    buyer = db.session.get_one(User, db.session.get_one(Order, order_id).user_id)
    assert _count(Mail, Mail.template == "receipt", Mail.to_email == buyer.email) == 1


@pytest.mark.parametrize("approves_first", [True, False], ids=["approval", "rejection"])
def test_of_two_decisions_the_first_counts(
    committed_app: Flask, order: Order, staff: Staff, approves_first: bool
) -> None:
    proof_id, order_id = _sent(order), order.id
    refused: list[CheckoutRefused] = []

    def approve() -> object:
        return proofs.approve(staff, proof_id)

    def reject() -> object:
        return proofs.reject(staff, proof_id, "Not found.")

    def second() -> None:
        try:
            (reject if approves_first else approve)()
        except CheckoutRefused as error:
            refused.append(error)
            db.session.rollback()

    overlapping(committed_app, approve if approves_first else reject, second)
    assert len(refused) == 1
    proof = db.session.get_one(PaymentProof, proof_id)
    assert proof.status is (ProofStatus.APPROVED if approves_first else ProofStatus.REJECTED)
    assert _count(Payment, Payment.order_id == order_id) == int(approves_first)
    assert _is_in(order_id) is approves_first


def test_a_proof_that_is_approved_after_its_order_ran_out_still_opens_the_course(
    committed_app: Flask, order: Order, staff: Staff
) -> None:
    proof_id, order_id = _sent(order), order.id
    overlapping(
        committed_app,
        lambda: fulfilment.end(db.session.get_one(Order, order_id), EndReason.EXPIRED),
        lambda: proofs.approve(staff, proof_id),
    )
    assert db.session.get_one(Order, order_id).status is OrderStatus.PAID
    assert _is_in(order_id)
