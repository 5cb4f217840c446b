"""Webhooks that nobody at Stripe sent, or that were changed, kept or repeated on their way."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout.models import EventOutcome, Order, OrderStatus, Payment, WebhookEvent
from app.domain.courses.models import Course, Enrollment
from app.integrations.stripe_gateway import StripeGateway
from app.web.courses.webhooks import MAX_BYTES
from tests.support.client import CheckedClient
from tests.support.stripe_stand_in import WEBHOOK_SECRET
from tests.support.stripe_stand_in.deliveries import sign

ADDRESS = "/api/webhooks/stripe"
pytestmark = pytest.mark.usefixtures("card_gateway")


@pytest.fixture
def order(learner: User, course: Course) -> Order:
    """An order that waits for its 50 dollars."""
    course.price_minor, course.currency = 5000, "USD"
    order = Order(
        number="7K3QZ0WD",
        user_id=learner.id,
        course_id=course.id,
        course_title=course.title,
        method="card",
        list_price_minor=5000,
        total_minor=5000,
        currency="USD",
        gateway_reference="cs_test_1",
        consented_at=utcnow(),
        expires_at=utcnow() + timedelta(hours=1),
    )
    db.session.add(order)
    db.session.commit()
    return order


@pytest.fixture
def paid(order: Order) -> dict[str, Any]:
    """The event that says that `order` was paid."""
    session = {
        "id": "cs_test_1",
        "object": "checkout.session",
        "amount_total": 5000,
        "currency": "usd",
        "client_reference_id": str(order.id),
        "metadata": {"order_id": str(order.id)},
        "payment_intent": "pi_1",
        "payment_status": "paid",
        "status": "complete",
    }
    return event("checkout.session.completed", session)


def event(kind: str, about: object, **values: Any) -> dict[str, Any]:
    """Return an event as Stripe words it."""
    return {
        "id": f"evt_{uuid.uuid4().hex}",
        "object": "event",
        "created": int(time.time()),
        "data": {"object": about},
        "livemode": False,
        "type": kind,
        **values,
    }


def send(
    client: CheckedClient, body: bytes, signature: str | None = None, at: int | None = None
) -> TestResponse:
    """Send `body`, rightly signed unless a `signature` is given."""
    if signature is None:
        signature = sign(body, [WEBHOOK_SECRET], at or int(time.time()))
    headers = {"Stripe-Signature": signature} if signature else {}
    return client.post(ADDRESS, data=body, headers=headers, content_type="application/json")


def encoded(event: object) -> bytes:
    """Return an event as it goes over the wire."""
    return json.dumps(event).encode()


@pytest.fixture
def refused(client: CheckedClient, order: Order) -> Callable[..., None]:
    """A function that sends and expects a 400 that leaves nothing behind."""

    def check(body: bytes, signature: str | None = None, at: int | None = None) -> None:
        answer = send(client, body, signature, at)
        assert answer.status_code == 400
        assert answer.mimetype == "application/problem+json"
        assert answer.get_json()["code"] == "WEBHOOK_INVALID"
        expect_untouched(order)

    return check


def expect_untouched(order: Order) -> None:
    """Nothing is kept, nothing is paid, nobody is in."""
    for table in (WebhookEvent, Payment, Enrollment):
        assert db.session.scalar(select(func.count()).select_from(table)) == 0, table
    db.session.refresh(order)
    assert (order.status, order.paid_at) == (OrderStatus.OPEN, None)


def expect_paid(order: Order) -> None:
    """The money is recorded once and the buyer is in."""
    db.session.refresh(order)
    assert order.status is OrderStatus.PAID
    assert db.session.scalars(select(Payment.amount_minor)).all() == [5000]
    assert db.session.scalar(select(func.count()).select_from(Enrollment)) == 1


def test_what_stripe_signed_is_kept_with_its_effect(
    client: CheckedClient, order: Order, paid: dict[str, Any]
) -> None:
    assert send(client, encoded(paid)).status_code == 204
    expect_paid(order)
    kept = db.session.scalars(select(WebhookEvent)).one()
    assert (kept.event_id, kept.outcome, kept.order_id) == (
        paid["id"],
        EventOutcome.APPLIED,
        order.id,
    )
    assert kept.payload.encode() == encoded(paid)


def test_what_comes_again_has_no_second_effect(
    client: CheckedClient, order: Order, paid: dict[str, Any]
) -> None:
    for _ in range(5):
        assert send(client, encoded(paid)).status_code == 204
    expect_paid(order)
    assert db.session.scalar(select(func.count()).select_from(WebhookEvent)) == 1


def test_unsigned_is_refused(refused: Callable[..., None], paid: dict[str, Any]) -> None:
    refused(encoded(paid), "")


def _signatures(body: bytes) -> Iterator[tuple[str, str]]:
    now = int(time.time())
    right = sign(body, [WEBHOOK_SECRET], now)
    mark = right.partition("v1=")[2]
    yield "another secret", sign(body, ["whsec_" + "0" * 32], now)
    yield "no secret", sign(body, [""], now)
    yield "the publishable name of the scheme", right.replace("v1=", "v0=")
    yield "no time", f"v1={mark}"
    yield "another time", f"t={now + 1},v1={mark}"
    yield "two times, the wrong one first", f"t={now - 1},t={now},v1={mark}"
    yield "no mark", f"t={now}"
    yield "an empty mark", f"t={now},v1="
    yield "half a mark", f"t={now},v1={mark[:32]}"
    yield "a mark with more to it", f"t={now},v1={mark}00"
    yield "words", "let me in"
    yield "a time that is none", f"t=soon,v1={mark}"
    yield "an endless time", f"t={'9' * 4000},v1={mark}"
    yield "many marks", f"t={now}," + ",".join("v1=" + "0" * 64 for _ in range(500))
    yield "other letters", f"t={now},v1={'é' * 64}"


def test_no_other_signature_is_taken(refused: Callable[..., None], paid: dict[str, Any]) -> None:
    body = encoded(paid)
    for _, signature in _signatures(body):
        refused(body, signature)


@pytest.mark.parametrize("age_seconds", [302, 3600, -302], ids=["late", "hours late", "early"])
def test_stale_is_refused(
    refused: Callable[..., None], paid: dict[str, Any], age_seconds: int
) -> None:
    refused(encoded(paid), at=int(time.time()) - age_seconds)


@pytest.mark.parametrize("age_seconds", [295, -295])
def test_within_five_minutes_is_fresh(
    client: CheckedClient, order: Order, paid: dict[str, Any], age_seconds: int
) -> None:
    assert send(client, encoded(paid), at=int(time.time()) - age_seconds).status_code == 204
    expect_paid(order)


def test_what_was_overheard_cannot_be_told_again_later(
    refused: Callable[..., None], paid: dict[str, Any]
) -> None:
    now = int(time.time())
    with shifted(timedelta(seconds=310)):
        refused(encoded(paid), sign(encoded(paid), [WEBHOOK_SECRET], now))


def test_one_changed_byte_is_refused(refused: Callable[..., None], paid: dict[str, Any]) -> None:
    body = encoded(paid)
    signature = sign(body, [WEBHOOK_SECRET], int(time.time()))
    for changed in (
        body.replace(b"5000", b"5001"),
        body.replace(b'"usd"', b'"etb"'),
        body + b" ",
        body[:-1],
        b"\xef\xbb\xbf" + body,
        b"",
    ):
        assert changed != body
        refused(changed, signature)


def test_oversized_is_refused_though_signed(
    refused: Callable[..., None], paid: dict[str, Any]
) -> None:
    body = encoded({**paid, "padding": "x" * MAX_BYTES})
    refused(body)


def test_oversized_of_untold_length_is_refused(
    client: CheckedClient, order: Order, paid: dict[str, Any]
) -> None:
    body = encoded({**paid, "padding": "x" * MAX_BYTES})
    answer = client.post(
        ADDRESS,
        input_stream=BytesIO(body),
        headers={"Stripe-Signature": sign(body, [WEBHOOK_SECRET], int(time.time()))},
        environ_base={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
    )
    assert answer.status_code == 400
    expect_untouched(order)


def test_the_largest_that_is_taken_is_taken(
    client: CheckedClient, order: Order, paid: dict[str, Any]
) -> None:
    room = MAX_BYTES - len(encoded({**paid, "padding": ""}))
    body = encoded({**paid, "padding": "x" * room})
    assert len(body) == MAX_BYTES
    assert send(client, body).status_code == 204
    expect_paid(order)


UNREADABLE = [
    b'{"object": "event", "id": "evt_\xff\xfe"}',
    b"\x80\x81\x82",
    b"",
    b"not json",
    b"[]",
    b'"event"',
    b"null",
    b"{}",
    b'{"object": "event"}',
    b'{"object": "event", "id": "evt_1", "type": "x"}',
    b'{"object": "event", "id": 5, "type": "x", "created": 1}',
    b'{"object": "event", "id": "evt_1", "type": ["x"], "created": 1}',
    b'{"object": "event", "id": "evt_1", "type": "x", "created": true}',
    b'{"object": "event", "id": "evt_1", "type": "x", "created": 1e400}',
    b'{"object": "event", "id": "evt_1", "type": "x", "created": NaN}',
    b'{"object": "event", "id": "evt_\\u0000", "type": "x", "created": 1}',
    b'{"object": "event", "id": "evt_1", "type": "x\\u0000", "created": 1}',
    b'{"object": "charge", "id": "evt_1", "type": "x", "created": 1}',
    b'{"object": "event", "id": "evt_1\x00", "type": "x", "created": 1}',
    b"[" * 100_000,
]


def test_what_cannot_be_read_is_refused_even_signed(refused: Callable[..., None]) -> None:
    for body in UNREADABLE:
        refused(body)


ODD = [
    None,
    [],
    "session",
    {},
    {"payment_status": "paid", "client_reference_id": 5, "payment_intent": {"id": None}},
    {"payment_status": "paid", "payment_intent": "pi_\u0000", "amount_total": 5000},
    {"payment_status": "paid", "payment_intent": "pi_1", "amount_total": -5000},
    {"payment_status": "paid", "payment_intent": "pi_1", "amount_total": "5000"},
    {"payment_status": "paid", "payment_intent": "pi_1", "amount_total": 50.5},
    {"payment_status": "paid", "payment_intent": "pi_1", "currency": ["usd"]},
    {"payment_status": "paid", "metadata": "order_id"},
]


@pytest.mark.parametrize(
    "kind", ["checkout.session.completed", "payment_intent.succeeded", "charge.refunded"]
)
def test_odd_contents_of_a_signed_event_open_nothing(
    client: CheckedClient, order: Order, kind: str
) -> None:
    for about in ODD:
        assert send(client, encoded(event(kind, about))).status_code == 204
    db.session.refresh(order)
    assert order.status is OrderStatus.OPEN
    assert db.session.scalar(select(func.count()).select_from(Payment)) == 0


@pytest.fixture
def rotate(app: Flask, card_gateway: StripeGateway) -> Callable[..., None]:
    """A function that gives the site other webhook secrets."""

    def change(*secrets: str) -> None:
        settings = app.extensions["settings"].model_copy(update={"stripe_webhook_secret": secrets})
        held = app.extensions["integrations"]
        app.extensions["settings"] = settings
        gateways = {**held.gateways, "card": StripeGateway(settings)}
        app.extensions["integrations"] = replace(held, gateways=gateways)

    return change


@pytest.mark.parametrize(
    "signed_with", [["whsec_old"], ["whsec_new"], ["whsec_new", "whsec_old"]], ids="+".join
)
def test_both_secrets_count_while_one_replaces_the_other(
    client: CheckedClient,
    order: Order,
    paid: dict[str, Any],
    rotate: Callable[..., None],
    signed_with: list[str],
) -> None:
    rotate("whsec_old", "whsec_new")
    body = encoded(paid)
    assert send(client, body, sign(body, signed_with, int(time.time()))).status_code == 204
    expect_paid(order)


def test_a_secret_that_was_replaced_counts_no_more(
    refused: Callable[..., None], paid: dict[str, Any], rotate: Callable[..., None]
) -> None:
    rotate("whsec_new")
    body = encoded(paid)
    refused(body, sign(body, ["whsec_old"], int(time.time())))


def test_without_a_secret_nothing_is_taken(
    refused: Callable[..., None], paid: dict[str, Any], rotate: Callable[..., None]
) -> None:
    rotate()
    body = encoded(paid)
    refused(body, sign(body, [""], int(time.time())))


def test_live_events_open_nothing_on_a_site_in_test_mode(
    client: CheckedClient, order: Order, paid: dict[str, Any]
) -> None:
    assert send(client, encoded({**paid, "livemode": True})).status_code == 204
    db.session.refresh(order)
    assert order.status is OrderStatus.OPEN
    assert db.session.scalars(select(WebhookEvent.outcome)).one() is EventOutcome.REFUSED


def test_events_of_a_connected_account_open_nothing(
    client: CheckedClient, order: Order, paid: dict[str, Any]
) -> None:
    assert send(client, encoded({**paid, "account": "acct_other"})).status_code == 204
    db.session.refresh(order)
    assert order.status is OrderStatus.OPEN
    assert db.session.scalars(select(WebhookEvent.outcome)).one() is EventOutcome.IGNORED


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount_total": 1}, "amount"),
        ({"currency": "etb"}, "currency"),
        ({"id": "cs_test_of_another_order"}, "order"),
    ],
    ids=["amount", "currency", "order"],
)
def test_other_money_than_was_asked_for_is_held(
    client: CheckedClient, order: Order, paid: dict[str, Any], change: dict[str, Any], reason: str
) -> None:
    paid["data"]["object"] |= change
    assert send(client, encoded(paid)).status_code == 204
    db.session.refresh(order)
    assert (order.status, order.hold_reason) == (OrderStatus.HELD, reason)
    assert db.session.scalar(select(func.count()).select_from(Enrollment)) == 0


def test_a_session_cookie_or_a_form_does_not_replace_the_signature(
    client_of: Callable[[User], CheckedClient], admin: User, order: Order, paid: dict[str, Any]
) -> None:
    client = client_of(admin)
    assert send(client, encoded(paid), "").status_code == 400
    assert client.post(ADDRESS, data={"type": "checkout.session.completed"}).status_code == 400
    assert client.get(ADDRESS).status_code == 405
    expect_untouched(order)
