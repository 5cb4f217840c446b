"""Orders as staff sees them: found again, told whole, refunded and released once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.audit.actions import Action
from app.domain.audit.models import AuditEvent
from app.domain.checkout import fulfilment
from app.domain.checkout.models import (
    Dispute,
    EventOutcome,
    Order,
    OrderStatus,
    Payment,
    Refund,
    RefundStatus,
    WebhookEvent,
)
from app.domain.courses import enrollments
from app.domain.courses.models import Course
from tests import factories
from tests.support.client import CheckedClient
from tests.support.html import parse
from tests.support.orders import make_order, make_payment, make_refund

ClientOf = Callable[[User], CheckedClient]
PATH = "/admin/orders"
API = "/api/admin/orders"
REFUNDS = "/api/admin/refunds"
TOTAL = 12_000
LONG_AGO = timedelta(minutes=20)


@pytest.fixture
def owner(client_of: ClientOf, admin: User) -> CheckedClient:
    return client_of(admin)


@pytest.fixture
def priced() -> Course:
    """A course that costs money."""
    return factories.make_course(title="Big looms", price_minor=TOTAL, currency="ETB")


@pytest.fixture
def payment(learner: User, priced: Course) -> Payment:
    """The money of a transfer that has opened its course."""
    return _paid(learner, priced)


def _paid(user: User, course: Course, **values: Any) -> Payment:
    order = make_order(user, course, TOTAL, **{"method": "transfer", **values})
    payment = make_payment(order)
    fulfilment.settle(order)
    db.session.commit()
    return payment


def _held(user: User, course: Course) -> Order:
    order = make_order(user, course, TOTAL)
    fulfilment.record_payment(order, "card", "pi_short", 700, "ETB")
    db.session.commit()
    assert order.status is OrderStatus.HELD
    return order


def _has_access(order_id: Any) -> bool:
    db.session.expire_all()
    order = db.session.get_one(Order, order_id)
    found = enrollments.find_enrollment(order.user_id, order.course_id)
    return found is not None and found.revoked_at is None


def _noted(action: Action) -> int:
    return db.session.query(AuditEvent).filter_by(action=action.value).count()


def _numbers(client: CheckedClient, query: str) -> list[str]:
    return [item["number"] for item in client.get(f"{API}?{query}").get_json()["items"]]


def _refund(client: CheckedClient, payment: Payment, key: str | None = "key", **body: Any) -> Any:
    given = {"order_id": str(payment.order_id), "ends_access": True, "reason": "Asked for it"}
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(REFUNDS, json={**given, **body}, headers=headers)


def test_an_order_is_found_by_whatever_staff_has_of_it(
    owner: CheckedClient, learner: User, outsider: User, priced: Course
) -> None:
    wanted = make_order(
        learner, priced, number="AB12CD34", gateway_reference="cs_test_1", coupon_code="SPRING-20"
    )
    make_payment(wanted, gateway_payment_id="pi_wanted")
    other = make_order(outsider, priced, number="ZZ99ZZ99", method="transfer")
    for text in (
        "AB12CD34", "ab12-cd34", "Lea Lea", learner.email, "cs_test_1", "spring-20", "pi_wanted",
        str(wanted.id), str(learner.id),
    ):  # fmt: skip
        assert _numbers(owner, f"q={text}") == ["AB12CD34"], text
    assert _numbers(owner, "q=AB12") == []
    assert _numbers(owner, "q=%25") == []
    assert _numbers(owner, "status=paid") == ["AB12CD34"]
    assert _numbers(owner, "method=transfer") == [other.number]
    assert _numbers(owner, f"user_id={outsider.id}") == [other.number]
    assert set(_numbers(owner, f"course_id={priced.id}")) == {"AB12CD34", "ZZ99ZZ99"}
    page = owner.get(f"{PATH}?q=AB12CD34").text
    assert "AB12CD34" in page
    assert "ZZ99ZZ99" not in page


def test_orders_are_paged_from_the_newest(
    owner: CheckedClient, learner: User, priced: Course
) -> None:
    now = utcnow()
    made = [
        make_order(learner, priced, number=f"P{n}", created_at=now - timedelta(minutes=n),
                   status=OrderStatus.CANCELLED)
        for n in range(3)
    ]  # fmt: skip
    first = owner.get(f"{API}?limit=2").get_json()
    assert [item["number"] for item in first["items"]] == [made[0].number, made[1].number]
    assert _numbers(owner, f"limit=2&cursor={first['next_cursor']}") == [made[2].number]


@pytest.mark.parametrize(
    "query", ["status=nothing", "course_id=x", "method=a%00b", "cursor=x", "limit=0"]
)
def test_what_cannot_be_searched_for_is_said(owner: CheckedClient, query: str) -> None:
    assert owner.get(f"{API}?{query}").status_code == 422
    assert owner.get(f"{PATH}?{query}").status_code == 422


def test_text_that_no_database_holds_finds_nothing(owner: CheckedClient) -> None:
    assert _numbers(owner, "q=a%00b") == []
    assert "No order fits" in owner.get(f"{PATH}?q=a%00b").text


def test_all_that_is_known_of_an_order_is_told(
    owner: CheckedClient, admin: User, payment: Payment
) -> None:
    make_refund(payment, 2_000, requested_by_id=admin.id, reason="Half a course")
    db.session.add(
        Dispute(
            order_id=payment.order_id, payment_id=payment.id, gateway="transfer",
            gateway_dispute_id="dp_1", amount_minor=TOTAL,
        )
    )  # fmt: skip
    db.session.add(
        WebhookEvent(
            gateway="card", event_id="evt_1", type="charge.refunded", payload="{}",
            order_id=payment.order_id, outcome=EventOutcome.APPLIED, created_at=utcnow(),
        )
    )  # fmt: skip
    db.session.commit()
    found = owner.get(f"{API}/{payment.order_id}").get_json()
    assert found["order"]["customer"]["name"] == "Lea Learner"
    assert found["order"]["refunded"] == {"amount_minor": 2_000, "currency": "ETB"}
    assert found["has_access"] is True
    [paid] = found["payments"]
    assert (paid["amount"]["amount_minor"], paid["refundable"]["amount_minor"]) == (TOTAL, 0)
    assert [refund["reason"] for refund in found["refunds"]] == ["Half a course"]
    assert [dispute["gateway_dispute_id"] for dispute in found["disputes"]] == ["dp_1"]
    assert [event["event_id"] for event in found["events"]] == ["evt_1"]
    happened = [entry["what"] for entry in found["timeline"]]
    assert happened[0] == "placed"
    assert {"payment", "access_given", "refund_asked", "refund_made", "dispute_opened"} <= set(
        happened
    )
    page = owner.get(f"{PATH}/{payment.order_id}").text
    for text in ("Half a course", "dp_1", "evt_1", "Lea Learner", "Big looms", "Money arrived"):
        assert text in page, text


def test_support_looks_and_moves_no_money(client_of: ClientOf, payment: Payment) -> None:
    support = client_of(factories.make_user(Role.SUPPORT))
    assert "Give money back" not in support.get(f"{PATH}/{payment.order_id}").text
    assert support.get(f"{PATH}/{payment.order_id}/refund").status_code == 403
    assert _refund(support, payment).status_code == 403
    assert db.session.query(Refund).count() == 0


def test_money_moves_only_after_a_recent_proof_of_identity(
    owner: CheckedClient, payment: Payment
) -> None:
    with shifted(LONG_AGO):
        refused = _refund(owner, payment)
        assert (refused.status_code, refused.get_json()["code"]) == (403, "CONFIRMATION_REQUIRED")
        page = owner.get(f"{PATH}/{payment.order_id}/refund")
        assert (page.status_code, "/account/confirm" in page.headers["Location"]) == (303, True)
        release = owner.post(f"{API}/{payment.order_id}/release", json={})
        assert release.get_json()["code"] == "CONFIRMATION_REQUIRED"
    assert db.session.query(Refund).count() == 0


def test_a_transfer_is_refunded_on_its_page(owner: CheckedClient, payment: Payment) -> None:
    path = f"{PATH}/{payment.order_id}/refund"
    shown = parse(owner.get(path).text)
    fields = {tag["name"]: tag.get("value") for tag in shown.select("main input[name]")}
    assert fields["amount_minor"] == "120"
    form = {name: fields[name] for name in ("key", "payment_id", "amount_minor")}
    answer = owner.post_form(path, {**form, "access": "ends", "reason": "Asked for it"})
    assert answer.status_code == 303
    [refund] = db.session.query(Refund)
    assert (refund.status, refund.amount_minor) == (RefundStatus.SUCCEEDED, TOTAL)
    assert not _has_access(payment.order_id)
    page = owner.get(answer.headers["Location"]).text
    assert "The refund is made." in page
    assert "Give money back" not in page
    assert (_noted(Action.REFUND_REQUESTED), _noted(Action.REFUND_RECORDED)) == (1, 1)


def test_the_same_form_sent_twice_refunds_once(owner: CheckedClient, payment: Payment) -> None:
    path = f"{PATH}/{payment.order_id}/refund"
    form = {
        "key": "shown once", "payment_id": str(payment.id), "amount_minor": "20.50",
        "access": "keeps", "reason": "A part",
    }  # fmt: skip
    for _ in range(2):
        assert owner.post_form(path, form).status_code == 303
    [refund] = db.session.query(Refund)
    assert (refund.amount_minor, refund.ends_access) == (2_050, False)
    assert _has_access(payment.order_id)
    other = owner.post_form(path, {**form, "amount_minor": "30"})
    assert other.status_code == 422
    assert _noted(Action.REFUND_REQUESTED) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount_minor", ""),
        ("amount_minor", "0"),
        ("amount_minor", "-5"),
        ("amount_minor", "1e2"),
        ("amount_minor", "1.234"),
        ("reason", ""),
        ("access", "maybe"),
    ],
)
def test_what_is_wrong_on_the_form_is_said_at_its_field(
    owner: CheckedClient, payment: Payment, field: str, value: str
) -> None:
    path = f"{PATH}/{payment.order_id}/refund"
    form = {
        "key": "k", "payment_id": str(payment.id), "amount_minor": "20", "access": "keeps",
        "reason": "A part",
    }  # fmt: skip
    answer = owner.post_form(path, {**form, field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert db.session.query(Refund).count() == 0


def test_more_than_is_left_is_refused_on_the_form(owner: CheckedClient, payment: Payment) -> None:
    path = f"{PATH}/{payment.order_id}/refund"
    form = {
        "key": "k", "payment_id": str(payment.id), "amount_minor": "120.01", "access": "keeps",
        "reason": "Too much",
    }  # fmt: skip
    answer = owner.post_form(path, form)
    assert answer.status_code == 422
    assert "more than is left" in answer.text


def test_with_nothing_left_the_form_says_so(owner: CheckedClient, payment: Payment) -> None:
    make_refund(payment, TOTAL)
    page = owner.get(f"{PATH}/{payment.order_id}/refund").text
    assert "Nothing is left of this order" in page


def test_a_program_refunds_with_a_key_and_only_once(owner: CheckedClient, payment: Payment) -> None:
    without = _refund(owner, payment, None)
    assert without.status_code == 422
    assert without.get_json()["errors"][0]["field"] == "Idempotency-Key"
    first = _refund(owner, payment, amount_minor=500)
    again = _refund(owner, payment, amount_minor=500)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.get_json() == again.get_json()
    assert first.get_json()["refund"]["status"] == "succeeded"
    reused = _refund(owner, payment, amount_minor=501)
    assert (reused.status_code, reused.get_json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    shown = owner.get(f"{REFUNDS}?order_id={payment.order_id}").get_json()["items"]
    assert [item["amount"]["amount_minor"] for item in shown] == [500]
    assert owner.get(f"{REFUNDS}?status=failed").get_json()["items"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"amount_minor": 0},
        {"amount_minor": -1},
        {"amount_minor": 1.5},
        {"amount_minor": "100"},
        {"amount_minor": True},
        {"currency": "USD"},
        {"ends_access": "yes"},
        {"reason": ""},
        {"reason": "x" * 301},
        {"order_id": "x"},
    ],
)
def test_a_program_s_nonsense_refunds_nothing(
    owner: CheckedClient, payment: Payment, body: dict[str, Any]
) -> None:
    assert _refund(owner, payment, **body).status_code == 422
    assert db.session.query(Refund).count() == 0


def test_a_held_order_opens_once_it_is_let_pass(
    owner: CheckedClient, learner: User, priced: Course
) -> None:
    order = _held(learner, priced)
    assert not _has_access(order.id)
    assert "not the one that was asked for" in owner.get(f"{PATH}/{order.id}").text
    path = f"{PATH}/{order.id}/release"
    assert "The course opens to the buyer" in owner.get(path).text
    assert owner.post_form(path).status_code == 303
    assert _has_access(order.id)
    assert owner.get(path).status_code == 303
    again = owner.post(f"{API}/{order.id}/release", json={})
    assert (again.status_code, again.get_json()["order"]["status"]) == (200, "paid")
    assert _noted(Action.ORDER_RELEASED) == 1
    told = again.get_json()["timeline"]
    assert [entry["what"] for entry in told].count("released") == 1


def test_what_is_not_held_is_not_released(owner: CheckedClient, payment: Payment) -> None:
    assert owner.post(f"{API}/{payment.order_id}/release", json={}).status_code == 409


def test_a_held_order_may_be_refunded_instead(
    owner: CheckedClient, learner: User, priced: Course
) -> None:
    order = _held(learner, priced)
    paid = db.session.query(Payment).filter_by(order_id=order.id).one()
    answer = _refund(owner, paid)
    assert answer.status_code == 201
    assert answer.get_json()["refund"]["amount"]["amount_minor"] == 700
