"""The stand-in is as strict as what it stands for: parameters, keys, pages, webhooks."""

import hashlib
import hmac
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.server import wait_until
from tests.support.stripe_stand_in import SECRET_KEY, WEBHOOK_SECRET, StripeStandIn

pytestmark = pytest.mark.no_database
SESSION = {
    "mode": "payment",
    "client_reference_id": "order-1",
    "success_url": "http://localhost/orders/1",
    "cancel_url": "http://localhost/checkout/1",
    "line_items[0][quantity]": "1",
    "line_items[0][price_data][currency]": "usd",
    "line_items[0][price_data][unit_amount]": "5000",
    "line_items[0][price_data][product_data][name]": "A <course>",
}


@dataclass
class Listener:
    """A site that hears webhooks: `answers` are the statuses that it gives first."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    heard: list[dict[str, Any]] = field(default_factory=list)
    unsigned: int = 0

    def types(self) -> list[str]:
        return [event["type"] for event in self.heard]


@pytest.fixture
def listener(stripe_stand_in: StripeStandIn) -> Iterator[Listener]:
    heard = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            marks = dict(part.split("=", 1) for part in self.headers["Stripe-Signature"].split(","))
            message = marks["t"].encode() + b"." + body
            right = hmac.new(WEBHOOK_SECRET.encode(), message, hashlib.sha256).hexdigest()
            heard.unsigned += right != marks["v1"]
            status = heard.answers.pop(0) if heard.answers else 204
            if status == 204:
                heard.heard.append(json.loads(body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    heard.url = f"http://127.0.0.1:{server.server_address[1]}"
    stripe_stand_in.deliver_to(heard.url)
    yield heard
    server.shutdown()
    thread.join()
    server.server_close()


def call(
    stand_in: StripeStandIn,
    path: str,
    values: dict[str, str] | None = None,
    key: str = SECRET_KEY,
    **headers: str,
) -> tuple[int, dict[str, Any]]:
    """Ask as any program would."""
    data = None if values is None else urlencode(values).encode()
    request = urllib.request.Request(f"{stand_in.url}{path}", data)
    request.add_header("Authorization", f"Bearer {key}")
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": "1"},
        {"line_items[0][price]": "price_1"},
        {"payment_intent_data[capture]": "automatic"},
        {"locale": "am"},
        {"expires_at": "1"},
        {"expires_at": "soon"},
        {"line_items[0][price_data][unit_amount]": "49.5"},
        {"line_items[0][price_data][unit_amount]": "49"},
        {"success_url": "javascript:alert(1)"},
        {"success_url": ""},
    ],
    ids=str,
)
def test_what_stripe_does_not_know_is_an_error(
    stripe_stand_in: StripeStandIn, changed: dict[str, str]
) -> None:
    status, said = call(stripe_stand_in, "/v1/checkout/sessions", SESSION | changed)
    assert status == 400
    assert said["error"]["type"] == "invalid_request_error"
    assert stripe_stand_in.everything()["sessions"] == []


def test_another_key_opens_nothing(stripe_stand_in: StripeStandIn) -> None:
    status, said = call(stripe_stand_in, "/v1/checkout/sessions", SESSION, key="sk_test_other")
    assert status == 401
    assert "Invalid API Key" in said["error"]["message"]


def test_a_key_is_for_one_request(stripe_stand_in: StripeStandIn) -> None:
    keyed = {"Idempotency_Key": "key-1"}
    _, first = call(stripe_stand_in, "/v1/checkout/sessions", SESSION, **keyed)
    _, again = call(stripe_stand_in, "/v1/checkout/sessions", SESSION, **keyed)
    other = SESSION | {"client_reference_id": "order-2"}
    status, said = call(stripe_stand_in, "/v1/checkout/sessions", other, **keyed)
    assert first == again
    assert (status, said["error"]["type"]) == (400, "idempotency_error")
    assert len(stripe_stand_in.everything()["sessions"]) == 1


def test_what_was_refused_may_be_put_right_under_its_key(stripe_stand_in: StripeStandIn) -> None:
    keyed = {"Idempotency_Key": "key-1"}
    assert call(stripe_stand_in, "/v1/checkout/sessions", {"mode": "payment"}, **keyed)[0] == 400
    assert call(stripe_stand_in, "/v1/checkout/sessions", SESSION, **keyed)[0] == 200


def test_a_page_is_paid_once(stripe_stand_in: StripeStandIn) -> None:
    _, session = call(stripe_stand_in, "/v1/checkout/sessions", SESSION)
    with urllib.request.urlopen(session["url"], timeout=20) as answer:
        page = answer.read().decode()
    assert "A &lt;course&gt;" in page
    for label in ("Pay", "Decline", "3-D Secure fail"):
        assert f">{label}</button>" in page
    stripe_stand_in.decline(session=session["id"])
    stripe_stand_in.pay(session=session["id"])
    with urllib.request.urlopen(session["url"], timeout=20) as answer:
        page = answer.read().decode()
    assert "You have paid." in page
    assert "</button>" not in page
    assert stripe_stand_in.sums()["USD"]["payments"] == 1


def test_a_webhook_comes_until_it_is_taken(
    stripe_stand_in: StripeStandIn, listener: Listener
) -> None:
    listener.answers = [500, 400, 503]
    _, session = call(stripe_stand_in, "/v1/checkout/sessions", SESSION)
    stripe_stand_in.expire(session=session["id"])
    stripe_stand_in.wait_delivered()
    assert listener.types() == ["checkout.session.expired"]
    assert listener.unsigned == 0
    assert [entry["status"] for entry in stripe_stand_in.control("log")] == [500, 400, 503, 204]


def test_webhooks_are_lost_repeated_and_put_out_of_order_when_told(
    stripe_stand_in: StripeStandIn, listener: Listener
) -> None:
    sessions = [call(stripe_stand_in, "/v1/checkout/sessions", SESSION)[1]["id"] for _ in range(4)]
    stripe_stand_in.configure(drop_next=1)
    stripe_stand_in.expire(session=sessions[0])
    stripe_stand_in.configure(times=3)
    stripe_stand_in.expire(session=sessions[1])
    wait_until(lambda: len(listener.heard) == 3, 10, "the event came three times")
    assert len({event["id"] for event in listener.heard}) == 1
    listener.heard.clear()
    stripe_stand_in.configure(times=1)
    stripe_stand_in.hold()
    stripe_stand_in.pay(session=sessions[2])
    happened = [event["type"] for event in stripe_stand_in.everything()["events"]][-4:]
    stripe_stand_in.release("reversed")
    assert listener.types() == happened[::-1]
    assert len(happened) == len(set(happened)) == 4
