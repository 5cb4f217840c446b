"""A gateway that nothing but the list of gateways knows of takes money like any other."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from flask import Flask

from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout.models import Order, OrderStatus
from app.domain.courses import entitlements
from app.domain.courses.models import Course
from tests.support.chest import Chest
from tests.support.client import CheckedClient

Clients = Callable[[User], CheckedClient]


@pytest.fixture
def chest(app: Flask) -> Iterator[Chest]:
    """The gateway, beside those that an installation has."""
    before = app.extensions["integrations"]
    chest = Chest(app.extensions["settings"])
    gateways = {**before.gateways, chest.method: chest}
    app.extensions["integrations"] = replace(before, gateways=gateways)
    yield chest
    app.extensions["integrations"] = before


def test_a_course_is_bought_with_it_and_looked_at_by_everybody(
    chest: Chest, client_of: Clients, learner: User, admin: User, course: Course
) -> None:
    course.price_minor, course.currency = 90_000, "ETB"
    db.session.commit()
    buyer = client_of(learner)
    assert buyer.get(f"/checkout/{course.slug}").status_code == 200
    placed = buyer.post(f"/api/checkout/{course.slug}", json={"method": "chest"})
    told = placed.get_json()
    assert placed.status_code == 201
    assert told["redirect_url"] == f"http://localhost/chest/{told['order']['number']}"
    order_id = told["order"]["id"]
    assert buyer.get(f"/orders/{order_id}").status_code == 200
    chest.paid.add(told["order"]["number"])
    seen = buyer.post(f"/api/orders/{order_id}/verify", json={}).get_json()
    assert seen["order"]["status"] == "paid"
    assert entitlements.is_granted_by(UUID(order_id))
    order = db.session.get_one(Order, UUID(order_id), populate_existing=True)
    assert (order.status, order.method) == (OrderStatus.PAID, "chest")
    assert buyer.get("/account/orders").status_code == 200
    assert buyer.get(f"/orders/{order_id}/receipt.pdf").mimetype == "application/pdf"
    staff = client_of(admin)
    for page in ("/admin/orders", f"/admin/orders/{order_id}", f"/admin/orders/{order_id}/refund"):
        assert staff.get(page).status_code == 200, page
