"""Stripe's gateway before the stand-in: what is asked, what comes back, and what goes wrong."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.config import load_settings
from app.errors import GatewayRefused, GatewayUnavailable
from app.integrations import stripe_calls, stripe_gateway
from app.integrations.payments import (
    DisputeState,
    PaymentState,
    Purchase,
    RefundState,
)
from app.integrations.stripe_gateway import StripeGateway
from tests.support.server import wait_until
from tests.support.stripe_stand_in import StripeStandIn

pytestmark = pytest.mark.no_database
AGO = timedelta(minutes=5)


def make(stand_in: StripeStandIn, **values: str) -> StripeGateway:
    variables = {"DATABASE_URL": "postgresql://nobody@localhost/none", **stand_in.environment}
    return StripeGateway(load_settings({**variables, **values}))


@pytest.fixture
def gateway(stripe_stand_in: StripeStandIn, monkeypatch: pytest.MonkeyPatch) -> StripeGateway:
    """The gateway, with little patience for Stripe and much for its turn."""
    monkeypatch.setattr(stripe_calls, "READ_SECONDS", 2.0)
    monkeypatch.setattr(stripe_calls, "WAIT_SECONDS", 60.0)
    return make(stripe_stand_in)


@pytest.fixture
def purchase() -> Purchase:
    """A course for 50 dollars."""
    return Purchase(
        order_id=uuid.uuid4(),
        number="7K3QZ0WD",
        title="Weaving by hand",
        amount_minor=5000,
        currency="USD",
        email="lea@example.com",
        locale="fr",
        expires_at=datetime.now(UTC) + timedelta(hours=1),
        success_url="http://localhost/orders/1?came=back",
        cancel_url="http://localhost/checkout/weaving",
    )


@pytest.fixture
def pay(
    gateway: StripeGateway, purchase: Purchase, stripe_stand_in: StripeStandIn
) -> Callable[[], tuple[str, str]]:
    """A function that begins and pays; it returns the names of the session and the payment."""

    def act() -> tuple[str, str]:
        reference = gateway.begin(purchase).reference
        paid = stripe_stand_in.pay(session=reference)
        return reference, paid["payment_intent"]

    return act


def test_the_page_is_about_the_order_and_nothing_else(
    gateway: StripeGateway, purchase: Purchase, stripe_stand_in: StripeStandIn
) -> None:
    begun = gateway.begin(purchase)
    (session,) = stripe_stand_in.everything()["sessions"]
    assert session["id"] == begun.reference
    assert begun.redirect_url == session["url"]
    assert session["client_reference_id"] == str(purchase.order_id)
    assert session["metadata"]["order_id"] == str(purchase.order_id)
    assert (session["amount_total"], session["currency"]) == (5000, "usd")
    assert session["expires_at"] == int(purchase.expires_at.timestamp())
    assert session["locale"] == "fr"


@pytest.mark.parametrize("locale", ["am", None, "en-XX"])
def test_a_language_that_stripe_lacks_is_left_to_the_browser(
    gateway: StripeGateway, purchase: Purchase, stripe_stand_in: StripeStandIn, locale: str | None
) -> None:
    gateway.begin(replace(purchase, locale=locale))
    assert stripe_stand_in.everything()["sessions"][0]["locale"] == "auto"


def test_fifty_at_once_open_one_page(
    gateway: StripeGateway, purchase: Purchase, stripe_stand_in: StripeStandIn
) -> None:
    begun: list[str] = []
    threads = [
        threading.Thread(target=lambda: begun.append(gateway.begin(purchase).reference))
        for _ in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(begun) == 50
    assert len(set(begun)) == 1
    assert len(stripe_stand_in.everything()["sessions"]) == 1


def test_an_answer_that_is_lost_opens_no_second_page(
    gateway: StripeGateway, purchase: Purchase, stripe_stand_in: StripeStandIn
) -> None:
    stripe_stand_in.fail(status=0, is_after=True)
    begun = gateway.begin(purchase)
    (session,) = stripe_stand_in.everything()["sessions"]
    assert session["id"] == begun.reference
    assert stripe_stand_in.requests()["create_session"] == 2


def test_a_page_may_open_shortly_before_its_order_ends(
    gateway: StripeGateway, purchase: Purchase, stripe_stand_in: StripeStandIn
) -> None:
    late = replace(purchase, expires_at=datetime.now(UTC) + timedelta(minutes=3))
    assert gateway.begin(late) == gateway.begin(late)
    assert len(stripe_stand_in.everything()["sessions"]) == 1


def test_another_sum_under_the_same_order_is_refused(
    gateway: StripeGateway, purchase: Purchase
) -> None:
    gateway.begin(purchase)
    with pytest.raises(GatewayRefused, match="same parameters"):
        gateway.begin(replace(purchase, amount_minor=1))


def test_what_stripe_would_not_charge_is_not_offered(gateway: StripeGateway) -> None:
    assert gateway.takes(50, "USD")
    assert not gateway.takes(49, "USD")
    assert not gateway.takes(100_000_000, "USD")


def test_a_declined_card_leaves_the_page_open_and_says_why(
    gateway: StripeGateway, purchase: Purchase, stripe_stand_in: StripeStandIn
) -> None:
    reference = gateway.begin(purchase).reference
    stripe_stand_in.decline(session=reference)
    report = gateway.look_up(reference)
    assert (report.state, report.detail) == (PaymentState.OPEN, "card_declined")
    assert report.received is None


def test_a_paid_page_tells_the_money(
    gateway: StripeGateway, purchase: Purchase, pay: Callable[[], tuple[str, str]]
) -> None:
    reference, payment_id = pay()
    report = gateway.look_up(reference)
    assert report.state is PaymentState.PAID
    assert report.order_id == purchase.order_id
    assert report.received is not None
    assert report.received.payment_id == report.payment_id == payment_id
    assert (report.received.amount_minor, report.received.currency) == (5000, "USD")
    assert report == gateway.look_up_payment(payment_id)


def test_ending_a_paid_page_tells_that_it_is_paid(
    gateway: StripeGateway, pay: Callable[[], tuple[str, str]]
) -> None:
    reference, _ = pay()
    assert gateway.end(reference).state is PaymentState.PAID


def test_an_ended_page_is_expired(gateway: StripeGateway, purchase: Purchase) -> None:
    reference = gateway.begin(purchase).reference
    assert gateway.end(reference).state is PaymentState.EXPIRED
    assert gateway.look_up(reference).state is PaymentState.EXPIRED


def test_refunds_of_both_sides_are_told_apart(
    gateway: StripeGateway, pay: Callable[[], tuple[str, str]], stripe_stand_in: StripeStandIn
) -> None:
    reference, payment_id = pay()
    ours = uuid.uuid4()
    gateway.refund(payment_id, 1000, ours)
    stripe_stand_in.refund(500, session=reference)
    received = gateway.look_up(reference).received
    assert received is not None
    assert received.refunded_minor == 1500
    assert sorted((r.amount_minor, r.refund_id) for r in received.refunds if r.refund_id) == [
        (1000, ours)
    ]
    assert [r.amount_minor for r in received.refunds if r.refund_id is None] == [500]


def test_a_refund_is_found_again_when_the_key_is_forgotten(
    gateway: StripeGateway, pay: Callable[[], tuple[str, str]], stripe_stand_in: StripeStandIn
) -> None:
    _, payment_id = pay()
    refund_id = uuid.uuid4()
    stripe_stand_in.fail(count=1, status=0, is_after=True, path="/v1/refunds")
    first = gateway.refund(payment_id, 1000, refund_id)
    stripe_stand_in.control("forget_keys")
    assert gateway.refund(payment_id, 1000, refund_id) == first
    assert stripe_stand_in.sums()["USD"]["refunded"] == 1000


def test_more_than_was_paid_is_never_refunded(
    gateway: StripeGateway, pay: Callable[[], tuple[str, str]], stripe_stand_in: StripeStandIn
) -> None:
    _, payment_id = pay()
    gateway.refund(payment_id, 3000, uuid.uuid4())
    with pytest.raises(GatewayRefused, match="greater than unrefunded"):
        gateway.refund(payment_id, 3000, uuid.uuid4())
    assert stripe_stand_in.sums()["USD"]["refunded"] == 3000


def test_a_slow_refund_is_pending_until_it_fails(
    gateway: StripeGateway, pay: Callable[[], tuple[str, str]], stripe_stand_in: StripeStandIn
) -> None:
    reference, payment_id = pay()
    stripe_stand_in.configure(refunds_are_slow=True)
    made = gateway.refund(payment_id, 5000, uuid.uuid4())
    assert made.state is RefundState.PENDING
    assert _refunded(gateway, reference) == 0, "what may yet fail has not gone"
    stripe_stand_in.settle_refund(made.gateway_refund_id, "failed")
    received = gateway.look_up(reference).received
    assert received is not None
    assert received.refunds[0].state is RefundState.FAILED
    assert received.refunds[0].detail == "expired_or_canceled_card"
    assert received.refunded_minor == 0


def _refunded(gateway: StripeGateway, reference: str) -> int:
    received = gateway.look_up(reference).received
    assert received is not None
    return received.refunded_minor


@pytest.mark.parametrize(
    ("status", "state"), [("won", DisputeState.WON), ("lost", DisputeState.LOST)]
)
def test_a_dispute_is_told_to_its_end(
    gateway: StripeGateway,
    pay: Callable[[], tuple[str, str]],
    stripe_stand_in: StripeStandIn,
    status: str,
    state: DisputeState,
) -> None:
    reference, _ = pay()
    dispute = stripe_stand_in.dispute(session=reference)
    for expected in (DisputeState.OPEN, state):
        received = gateway.look_up(reference).received
        assert received is not None
        assert [(d.dispute_id, d.state) for d in received.disputes] == [(dispute["id"], expected)]
        stripe_stand_in.close_dispute(dispute["id"], status)


def test_the_list_tells_all_that_each_page_would(
    gateway: StripeGateway, purchase: Purchase, stripe_stand_in: StripeStandIn
) -> None:
    references = []
    for number in range(7):
        order_id = uuid.uuid4()
        begun = gateway.begin(replace(purchase, order_id=order_id))
        references.append(begun.reference)
        if number < 5:
            stripe_stand_in.pay(session=begun.reference)
        if number in (1, 2):
            stripe_stand_in.refund(100 * number, session=begun.reference)
        if number == 3:
            stripe_stand_in.dispute(session=begun.reference)
    gateway.end(references[5])
    listed = {report.reference: report for report in gateway.list_since(datetime.now(UTC) - AGO)}
    assert listed == {reference: gateway.look_up(reference) for reference in references}


def test_the_list_has_as_many_pages_as_it_needs(
    gateway: StripeGateway, purchase: Purchase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe_gateway, "PAGE", 2)
    for _ in range(5):
        gateway.begin(replace(purchase, order_id=uuid.uuid4()))
    assert len(list(gateway.list_since(datetime.now(UTC) - AGO))) == 5


def test_old_payments_are_listed_when_their_money_went_back_lately(
    gateway: StripeGateway, pay: Callable[[], tuple[str, str]], stripe_stand_in: StripeStandIn
) -> None:
    reference, _ = pay()
    stripe_stand_in.control("age", days=40)
    assert list(gateway.list_since(datetime.now(UTC) - AGO)) == []
    stripe_stand_in.refund(session=reference)
    (report,) = gateway.list_since(datetime.now(UTC) - AGO)
    assert report.reference == reference
    assert report.received is not None
    assert report.received.refunded_minor == 5000


def test_trouble_at_stripe_is_tried_again_and_then_told_as_passing(
    gateway: StripeGateway, purchase: Purchase, stripe_stand_in: StripeStandIn
) -> None:
    stripe_stand_in.fail(count=2, status=500)
    assert gateway.begin(purchase).reference
    stripe_stand_in.fail(count=3, status=503)
    with pytest.raises(GatewayUnavailable):
        gateway.look_up("cs_test_1")


def test_a_gateway_that_is_not_there_is_told_as_passing(stripe_stand_in: StripeStandIn) -> None:
    gateway = make(stripe_stand_in, STRIPE_API_BASE="http://127.0.0.1:9")
    with pytest.raises(GatewayUnavailable, match="does not answer"):
        gateway.look_up("cs_test_1")


def test_a_stripe_that_hangs_holds_few_threads(
    gateway: StripeGateway, stripe_stand_in: StripeStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe_calls, "WAIT_SECONDS", 0.05)
    stripe_stand_in.fail(count=stripe_calls.CALLS_AT_ONCE, delay_seconds=1.5)
    answers: list[str] = []

    def ask() -> None:
        try:
            answers.append(gateway.check())
        except GatewayUnavailable:
            answers.append("come back")

    threads = [threading.Thread(target=ask) for _ in range(stripe_calls.CALLS_AT_ONCE + 3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answers) == 3, 1.4, "who finds no turn is told at once")
    assert set(answers) == {"come back"}
    for thread in threads:
        thread.join()
    assert answers.count("come back") == 3
    assert "Stand-in School" in gateway.check()


def test_an_address_that_stripe_cannot_write_to_does_not_stop_the_page(
    gateway: StripeGateway, purchase: Purchase, stripe_stand_in: StripeStandIn
) -> None:
    gateway.begin(replace(purchase, email="ሰላም@example.com"))
    assert stripe_stand_in.everything()["sessions"][0]["customer_email"] is None


def test_a_wrong_key_may_be_put_right(stripe_stand_in: StripeStandIn) -> None:
    gateway = make(stripe_stand_in, STRIPE_SECRET_KEY="sk_test_wrong")
    with pytest.raises(GatewayUnavailable, match="does not accept the key"):
        gateway.check()


def test_an_unknown_name_is_refused_for_good(gateway: StripeGateway) -> None:
    with pytest.raises(GatewayRefused, match="No such"):
        gateway.look_up("cs_test_unknown")


@pytest.mark.parametrize(
    ("key", "is_live"),
    [("sk_test_1", False), ("rk_test_1", False), ("sk_live_1", True), ("rk_live_1", True)],
)
def test_the_key_tells_whether_money_is_real(
    stripe_stand_in: StripeStandIn, key: str, is_live: bool
) -> None:
    assert make(stripe_stand_in, STRIPE_SECRET_KEY=key).is_live is is_live


def test_the_library_is_loaded_when_first_needed() -> None:
    source = Path(stripe_calls.__file__).read_text(encoding="utf-8")
    assert "\nimport stripe" not in source
