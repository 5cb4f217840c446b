"""Refunds by a gateway that refuses, is slow, does not answer, or whose caller is killed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout import fulfilment, orders
from app.domain.checkout.models import Order, OrderStatus, Payment, Refund, RefundStatus
from app.domain.courses import enrollments
from app.errors import GatewayUnavailable
from app.integrations.stripe_gateway import StripeGateway
from app.worker import payments
from tests import factories
from tests.support.client import CheckedClient
from tests.support.orders import make_order
from tests.support.stripe_stand_in import StripeStandIn

TOTAL = 12_000


class Killed(BaseException):
    """The process is gone: nothing below catches it."""


@pytest.fixture
def owner(client_of: Callable[[User], CheckedClient], admin: User) -> CheckedClient:
    return client_of(admin)


@pytest.fixture
def payment(learner: User, card_gateway: StripeGateway, stripe_stand_in: StripeStandIn) -> Payment:
    """The money of a card that has opened its course."""
    course = factories.make_course(price_minor=TOTAL, currency="ETB")
    order = make_order(learner, course, TOTAL)
    begun = card_gateway.begin(orders.purchase_of(order))
    stripe_stand_in.pay(order_id=str(order.id))
    fulfilment.apply(card_gateway.look_up(begun.reference), "card")
    db.session.commit()
    assert _has_access()
    return db.session.query(Payment).one()


def _has_access() -> bool:
    db.session.expire_all()
    order = db.session.query(Order).one()
    found = enrollments.find_enrollment(order.user_id, order.course_id)
    return found is not None and found.revoked_at is None


def _refund(client: CheckedClient) -> Any:
    order_id = db.session.query(Order).one().id
    body = {"order_id": str(order_id), "ends_access": True, "reason": "Asked for it"}
    return client.post("/api/admin/refunds", json=body, headers={"Idempotency-Key": "key"})


def _only() -> Refund:
    db.session.expire_all()
    return db.session.query(Refund).one()


def _gone(stripe_stand_in: StripeStandIn) -> int:
    return stripe_stand_in.sums()["ETB"]["refunded"]


def test_a_card_payment_goes_back_by_its_gateway(
    owner: CheckedClient,
    payment: Payment,
    card_gateway: StripeGateway,
    stripe_stand_in: StripeStandIn,
) -> None:
    assert _refund(owner).get_json()["refund"]["status"] == "succeeded"
    assert _gone(stripe_stand_in) == TOTAL
    assert not _has_access()
    order = db.session.query(Order).one()
    assert order.status is OrderStatus.REFUNDED
    fulfilment.apply(card_gateway.look_up(str(order.gateway_reference)), "card")
    assert db.session.query(Refund).count() == 1


@contextmanager
def _broken(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, *, is_made: bool
) -> Iterator[None]:
    """Have refunds end in `error`, made at the gateway or not."""
    real = StripeGateway.refund

    def refund(gateway: StripeGateway, *arguments: Any) -> Any:
        if is_made:
            real(gateway, *arguments)
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(StripeGateway, "refund", refund)
        yield


@pytest.mark.parametrize("is_made", [False, True], ids=["not made", "made"])
def test_a_gateway_that_does_not_answer_leaves_the_refund_to_its_job(
    owner: CheckedClient,
    payment: Payment,
    stripe_stand_in: StripeStandIn,
    monkeypatch: pytest.MonkeyPatch,
    is_made: bool,
) -> None:
    path = f"/admin/orders/{payment.order_id}/refund"
    form = {"key": "k", "payment_id": str(payment.id), "amount_minor": "120", "access": "ends"}
    with _broken(monkeypatch, GatewayUnavailable(), is_made=is_made):
        answer = owner.post_form(path, {**form, "reason": "Asked for it"})
    assert answer.status_code == 303
    assert "tried again by itself" in owner.get(answer.headers["Location"]).text
    assert (_only().status, _has_access()) == (RefundStatus.REQUESTED, True)
    payments.make_refund(_only().id)
    assert (_only().status, _has_access()) == (RefundStatus.SUCCEEDED, False)
    assert (_gone(stripe_stand_in), len(stripe_stand_in.everything()["refunds"])) == (TOTAL, 1)


@pytest.mark.parametrize("is_made", [False, True], ids=["before the call", "after the call"])
def test_a_killed_request_s_refund_is_finished_by_its_job_or_by_a_repeat(
    owner: CheckedClient,
    payment: Payment,
    stripe_stand_in: StripeStandIn,
    monkeypatch: pytest.MonkeyPatch,
    is_made: bool,
) -> None:
    with _broken(monkeypatch, Killed(), is_made=is_made), pytest.raises(Killed):
        _refund(owner)
    assert _only().status is RefundStatus.REQUESTED
    if is_made:
        payments.make_refund(_only().id)
    again = _refund(owner)
    assert (again.status_code, again.get_json()["refund"]["status"]) == (201, "succeeded")
    assert (_gone(stripe_stand_in), len(stripe_stand_in.everything()["refunds"])) == (TOTAL, 1)
    assert not _has_access()


def test_what_the_gateway_refuses_is_told_and_keeps_the_access(
    owner: CheckedClient, payment: Payment, stripe_stand_in: StripeStandIn
) -> None:
    stripe_stand_in.fail(count=9, status=402, path="/v1/refunds")
    refused = _refund(owner).get_json()["refund"]
    assert refused["status"] == "failed"
    assert refused["error"]
    assert _has_access()
    page = owner.get(f"/admin/orders/{payment.order_id}").text
    assert refused["error"] in page
    assert "Give money back" in page


def test_a_slow_refund_ends_access_once_it_succeeded(
    owner: CheckedClient,
    payment: Payment,
    card_gateway: StripeGateway,
    stripe_stand_in: StripeStandIn,
) -> None:
    stripe_stand_in.configure(refunds_are_slow=True)
    assert _refund(owner).get_json()["refund"]["status"] == "requested"
    assert _has_access()
    made = stripe_stand_in.everything()["refunds"]
    stripe_stand_in.settle_refund(made[0]["id"], "succeeded")
    reference = str(db.session.query(Order).one().gateway_reference)
    fulfilment.apply(card_gateway.look_up(reference), "card")
    assert _only().status is RefundStatus.SUCCEEDED
    assert not _has_access()
