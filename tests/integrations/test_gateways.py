"""One contract for every gateway: Stripe before its stand-in, transfers, and one made for here."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app import integrations
from app.config import Settings, load_settings
from app.errors import WebhookInvalid
from app.integrations.manual_transfer import ManualTransfer
from app.integrations.payments import (
    Gateway,
    GatewayKind,
    PaymentState,
    Purchase,
    Received,
    RefundState,
)
from app.integrations.stripe_gateway import StripeGateway
from tests.support.chest import Chest
from tests.support.stripe_stand_in import StripeStandIn

pytestmark = pytest.mark.no_database


def _settings(**values: str) -> Settings:
    return load_settings({"DATABASE_URL": "postgresql://nobody@localhost/none", **values})


@pytest.fixture(params=["card", "transfer", "chest"])
def gateway(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """Each gateway, built as an installation builds it."""
    values = {"SITE_NAME": "Chest"}
    if request.param == "card":
        stand_in: StripeStandIn = request.getfixturevalue("stripe_stand_in")
        values |= stand_in.environment
    monkeypatch.setattr(integrations, "GATEWAYS", (*integrations.GATEWAYS, Chest))
    return integrations._gateways(_settings(**values))[request.param]


@pytest.fixture
def purchase() -> Purchase:
    """Something that every gateway takes."""
    return Purchase(
        order_id=uuid.uuid4(),
        number="7K3QZ0WD",
        title="Weaving by hand",
        amount_minor=150_000,
        currency="ETB",
        email="lea@example.com",
        locale="am",
        expires_at=datetime.now(UTC) + timedelta(hours=1),
        success_url="http://localhost/orders/1",
        cancel_url="http://localhost/checkout/weaving",
    )


def test_it_takes_what_it_is_asked_for_and_never_nothing(
    gateway: Gateway, purchase: Purchase
) -> None:
    assert gateway.takes(purchase.amount_minor, purchase.currency)
    assert not gateway.takes(0, purchase.currency)
    assert not gateway.takes(-1, purchase.currency)


def test_begun_twice_is_one_attempt(gateway: Gateway, purchase: Purchase) -> None:
    begun = gateway.begin(purchase)
    assert begun == gateway.begin(purchase)
    assert begun.reference
    assert begun.redirect_url is None or begun.redirect_url.startswith("http://")


def test_what_is_open_is_told_as_open_and_without_money(
    gateway: Gateway, purchase: Purchase
) -> None:
    reference = gateway.begin(purchase).reference
    report = gateway.look_up(reference)
    assert (report.state, report.reference) == (PaymentState.OPEN, reference)
    assert report.received is None
    assert report.order_id in (purchase.order_id, None)


def test_what_was_ended_is_not_paid(gateway: Gateway, purchase: Purchase) -> None:
    reference = gateway.begin(purchase).reference
    for _ in range(2):
        ended = gateway.end(reference)
        assert ended.reference == reference
        assert ended.state in (PaymentState.EXPIRED, PaymentState.OPEN)
        assert ended.received is None


def test_what_began_is_listed_or_nothing_is(gateway: Gateway, purchase: Purchase) -> None:
    reference = gateway.begin(purchase).reference
    listed = list(gateway.list_since(datetime.now(UTC) - timedelta(minutes=1)))
    assert [report.reference for report in listed] in ([reference], [])


def test_a_refund_asked_for_twice_is_made_once(
    gateway: Gateway, purchase: Purchase, request: pytest.FixtureRequest
) -> None:
    payment_id = "money-in-the-bank"
    if gateway.method == "card":
        gateway.begin(purchase)
        paid = request.getfixturevalue("stripe_stand_in").pay(order_id=str(purchase.order_id))
        payment_id = paid["payment_intent"]
    refund_id = uuid.uuid4()
    made = gateway.refund(payment_id, 40_000, refund_id)
    assert made == gateway.refund(payment_id, 40_000, refund_id)
    assert (made.state, made.amount_minor) == (RefundState.SUCCEEDED, 40_000)
    assert made.refund_id == refund_id
    assert made.gateway_refund_id


def test_an_unsigned_event_is_refused(gateway: Gateway) -> None:
    with pytest.raises(WebhookInvalid):
        gateway.read_event(b'{"object": "event"}', "", datetime.now(UTC))


def test_it_says_something_of_itself(gateway: Gateway) -> None:
    assert gateway.check()
    assert gateway.is_live in (True, False)


def test_cards_are_taken_only_with_a_key() -> None:
    with_key = integrations._gateways(_settings(STRIPE_SECRET_KEY="sk_test_1"))
    assert set(integrations._gateways(_settings())) == {"transfer"}
    assert set(with_key) == {"card", "transfer"}
    assert isinstance(with_key["card"], StripeGateway)
    assert isinstance(with_key["transfer"], ManualTransfer)


def test_each_kind_is_a_kind() -> None:
    kinds: tuple[GatewayKind, ...] = (*integrations.GATEWAYS, Chest)
    build: list[Callable[[Settings], Gateway]] = list(kinds)
    assert {made(_settings()).method for made in build} == {"card", "transfer", "chest"}


def test_received_money_keeps_what_became_of_it() -> None:
    assert Received("pi_1", 100, "ETB").refunds == ()
