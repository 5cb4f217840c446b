"""Threat 1: to everybody but its buyer an order, its proofs and its receipt do not exist."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.database import db
from app.domain.accounts.api_keys import Scope
from app.domain.accounts.models import Role, User
from app.domain.checkout.models import Order, OrderStatus
from app.domain.courses.models import Course
from tests import factories
from tests.support import keys
from tests.support.client import CheckedClient
from tests.support.orders import make_order, make_payment

ClientOf = Callable[[User], CheckedClient]
# Method, address, body of what can be done to an order by its buyer.
PROGRAM: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("POST", "/verify", {}),
    ("POST", "/cancel", {}),
    (
        "POST",
        "/proof",
        {"filename": "a.png", "content_type": "image/png", "data_base64": "aGFsbG8="},
    ),
]
PAGES: list[tuple[str, str]] = [
    ("GET", ""),
    ("GET", "/receipt.pdf"),
    ("POST", "/pay"),
    ("POST", "/verify"),
    ("POST", "/cancel"),
    ("POST", "/proof"),
]


@pytest.fixture
def order(course: Course, learner: User) -> Order:
    """Somebody's open order."""
    return make_order(learner, course, method="transfer")


def _ask(client: CheckedClient, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    answer = client.open(path, method=method, json=body)
    assert isinstance(answer.json, dict)
    return answer.status_code, {**answer.json, "request_id": ""}


@pytest.mark.parametrize("role", [Role.LEARNER, Role.INSTRUCTOR, Role.SUPPORT, Role.ADMIN])
@pytest.mark.parametrize(("method", "path", "body"), PROGRAM, ids=lambda value: str(value)[:12])
def test_a_foreign_order_answers_a_program_as_an_unknown_one_does(
    order: Order, client_of: ClientOf, role: Role, method: str, path: str, body: Any
) -> None:
    client = client_of(factories.make_user(role))
    foreign = _ask(client, method, f"/api/orders/{order.id}{path}", body)
    unknown = _ask(client, method, f"/api/orders/{uuid.uuid4()}{path}", body)
    assert foreign == unknown
    assert foreign[0] == 404
    assert db.session.get_one(Order, order.id, populate_existing=True).status is OrderStatus.OPEN


@pytest.mark.parametrize(("method", "path"), PAGES, ids=str)
def test_a_foreign_order_has_no_pages(
    order: Order, outsider: User, client_of: ClientOf, method: str, path: str
) -> None:
    if path == "/receipt.pdf":
        make_payment(order)
    client = client_of(outsider)
    address = f"/orders/{order.id}{path}"
    if method == "GET":
        assert client.get(address).status_code == 404
    else:
        answer = client.post_form(address, {}, page="/account/orders")
        assert answer.status_code == 404


def test_a_list_of_orders_holds_one_s_own_only(
    order: Order, learner: User, outsider: User, client_of: ClientOf
) -> None:
    theirs = client_of(learner).get("/api/orders").json["items"]
    assert [item["id"] for item in theirs] == [str(order.id)]
    assert client_of(outsider).get("/api/orders").json["items"] == []
    assert order.number not in client_of(outsider).get("/account/orders").text


def test_a_cursor_of_somebody_else_leads_to_one_s_own_orders(
    course: Course, order: Order, learner: User, outsider: User, client_of: ClientOf
) -> None:
    make_order(learner, course, status=OrderStatus.CANCELLED, ended_as="cancelled")
    first = client_of(learner).get("/api/orders?limit=1").json
    assert first["next_cursor"]
    answer = client_of(outsider).get(f"/api/orders?cursor={first['next_cursor']}").json
    assert answer["items"] == []


def test_a_key_sees_the_orders_of_its_owner(
    app: Flask, order: Order, learner: User, outsider: User
) -> None:
    for owner, status in ((learner, 200), (outsider, 404)):
        program = keys.client_with(app, keys.make_key(owner, [Scope.COURSES_READ]))
        assert program.get(f"/api/orders/{order.id}").status_code == status


def test_another_s_coupon_use_and_key_do_not_mix(
    course: Course, learner: User, outsider: User, client_of: ClientOf, card_gateway: object
) -> None:
    """The same Idempotency-Key of two people is two keys."""
    course.price_minor = 4900
    db.session.commit()
    made = [
        client_of(person).post(
            f"/api/checkout/{course.slug}",
            json={"method": "card"},
            headers={"Idempotency-Key": "one"},
        )
        for person in (learner, outsider)
    ]
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].json["order"]["id"] != made[1].json["order"]["id"]
