"""What selling knows of people: in their export, at their deletion, and how long."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest

from app.clock import shifted, utcnow
from app.current import integrations
from app.database import db
from app.domain.accounts.models import User, UserStatus
from app.domain.checkout.models import (
    EndReason,
    EventOutcome,
    Order,
    OrderStatus,
    Payment,
    Refund,
    RefundStatus,
    WebhookEvent,
)
from app.domain.checkout.personal import require_deletable
from app.domain.checkout.transfer_models import PaymentProof, ProofStatus
from app.domain.courses.models import Course
from app.errors import DeletionRefused, StorageUnavailable
from app.worker import accounts, exports, sweeping
from tests import factories
from tests.support.client import CheckedClient
from tests.support.orders import make_order, make_payment, make_refund

LATER = timedelta(days=2)


@pytest.fixture
def buyer() -> User:
    """Somebody who asked to be deleted a fortnight ago."""
    return factories.make_user(
        name="Zora Quixotic",
        email="zora@example.com",
        deletion_due_at=utcnow() - timedelta(minutes=1),
    )


@pytest.fixture
def paid(buyer: User, course: Course) -> Order:
    """A transfer with its proof, approved, and part of it given back."""
    order = make_order(buyer, course, method="transfer", redirect_url="https://pay.example/zora")
    payment = make_payment(order)
    make_refund(payment, 2_000, ends_access=False)
    proof_id = uuid.uuid4()
    folder = f"proofs/{order.id}/{proof_id}"
    db.session.add(
        PaymentProof(
            id=proof_id,
            order_id=order.id,
            status=ProofStatus.APPROVED,
            reference="ZORA-SECRET-REF",
            storage_key=folder,
            content_type="image/webp",
            size_bytes=3,
            sha256="a" * 64,
            perceptual_hash=7,
        )
    )
    db.session.add(
        WebhookEvent(
            gateway="card",
            event_id="evt_1",
            type="checkout.session.completed",
            payload='{"email": "zora@example.com"}',
            order_id=order.id,
            outcome=EventOutcome.APPLIED,
            created_at=utcnow(),
        )
    )
    db.session.commit()
    integrations.storage.put_bytes(f"{folder}/480.webp", b"pic", "image/webp")
    return order


def test_an_export_tells_of_orders_payments_refunds_and_proofs(
    buyer: User, outsider: User, course: Course, paid: Order
) -> None:
    make_payment(make_order(outsider, course))
    documents = exports.gather(buyer)
    [order] = documents["orders"]
    assert (order["number"], order["course"]) == (paid.number, course.title)
    assert (order["total_minor"], order["currency"]) == (12_000, "ETB")
    assert [row["amount_minor"] for row in documents["payments"]] == [12_000]
    assert [row["amount_minor"] for row in documents["refunds"]] == [2_000]
    assert [row["reference"] for row in documents["payment-proofs"]] == ["ZORA-SECRET-REF"]
    assert exports.pack(documents, buyer).startswith(b"PK")


def test_the_books_stay_and_what_is_personal_goes(buyer: User, paid: Order) -> None:
    number = paid.number
    assert accounts.delete_due() == 1
    db.session.expire_all()
    order = db.session.query(Order).one()
    assert (order.number, order.total_minor, order.status) == (number, 12_000, OrderStatus.PAID)
    assert order.redirect_url is None
    assert db.session.query(Payment).one().amount_minor == 12_000
    assert db.session.query(Refund).one().amount_minor == 2_000
    proof = db.session.query(PaymentProof).one()
    assert (proof.reference, proof.storage_key, proof.perceptual_hash) == ("", "", None)
    assert proof.sha256 == "a" * 64, "nobody else shows the same picture"
    assert db.session.query(WebhookEvent).one().payload == ""
    assert integrations.storage.list_keys(f"proofs/{order.id}") == []


def test_proofs_that_the_storage_kept_are_swept(
    buyer: User, paid: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix, erased = f"proofs/{paid.id}", integrations.storage.delete_prefix
    with shifted(LATER):
        sweeping.sweep_folders()
    assert len(integrations.storage.list_keys(prefix)) == 1, "a row names it"

    def away(_: str) -> int:
        raise StorageUnavailable

    monkeypatch.setattr(integrations.storage, "delete_prefix", away)
    assert accounts.delete_due() == 1
    monkeypatch.setattr(integrations.storage, "delete_prefix", erased)
    assert len(integrations.storage.list_keys(prefix)) == 1
    with shifted(LATER):
        sweeping.sweep_folders()
    assert integrations.storage.list_keys(prefix) == []


def test_an_order_that_waits_for_its_payment_ends_with_the_account(
    buyer: User, course: Course
) -> None:
    make_order(buyer, course)
    assert accounts.delete_due() == 1
    db.session.expire_all()
    order = db.session.query(Order).one()
    assert (order.status, order.ended_as) == (OrderStatus.CANCELLED, EndReason.CANCELLED)


@pytest.mark.parametrize(
    "status", [OrderStatus.HELD, OrderStatus.UNDER_REVIEW, OrderStatus.DISPUTED]
)
def test_an_account_stays_while_its_money_is_undecided(
    buyer: User, course: Course, status: OrderStatus
) -> None:
    order = make_order(buyer, course, status=status)
    with pytest.raises(DeletionRefused):
        require_deletable(buyer)
    assert accounts.delete_due() == 0
    order.status = OrderStatus.CANCELLED
    db.session.commit()
    assert accounts.delete_due() == 1


def test_an_account_stays_until_its_refund_is_there(buyer: User, course: Course) -> None:
    payment = make_payment(make_order(buyer, course))
    refund = make_refund(payment, 500, status=RefundStatus.REQUESTED, settled_at=None)
    assert accounts.delete_due() == 0
    refund.status = RefundStatus.SUCCEEDED
    db.session.commit()
    assert accounts.delete_due() == 1
    db.session.refresh(buyer)
    assert buyer.status is UserStatus.DELETED


def test_what_gateways_wrote_is_forgotten_after_three_months(paid: Order) -> None:
    with shifted(timedelta(days=89)):
        accounts.forget_old()
    assert db.session.query(WebhookEvent).one().payload != ""
    with shifted(timedelta(days=91)):
        assert accounts.forget_old() >= 1
        assert accounts.forget_old() == 0
    db.session.expire_all()
    event = db.session.query(WebhookEvent).one()
    assert (event.payload, event.event_id) == ("", "evt_1")


def test_the_page_of_deletion_says_what_keeps_it(
    client_of: Callable[[User], CheckedClient], learner: User, course: Course
) -> None:
    make_order(learner, course, status=OrderStatus.UNDER_REVIEW)
    page = client_of(learner).get("/account/data/delete").text
    assert "A payment of yours is still being looked at" in page
