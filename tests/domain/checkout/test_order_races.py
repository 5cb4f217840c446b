"""Two tabs of one buyer that order at the same moment: both are told of one order."""

import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from flask import Flask

from app.database import db
from app.domain.checkout import orders
from app.domain.checkout.models import Order
from tests import factories
from tests.support.coupons import make_coupon
from tests.support.gateway import MemoryGateway, installed
from tests.support.overlap import is_somebody_waiting
from tests.support.server import wait_until


@dataclass(frozen=True)
class Me:
    """The buyer, without a session of the database."""

    id: uuid.UUID


@pytest.fixture(autouse=True)
def db_session() -> None:
    """These tests commit for real, to a database of their own."""


def test_the_use_of_a_coupon_in_another_tab_is_no_use_against_oneself(
    committed_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = factories.make_course(price_minor=4900)
    buyer, coupon = factories.make_user(), make_coupon(percent=10, max_per_user=1)
    me, slug, code = Me(buyer.id), course.slug, coupon.code
    others: list[Future[uuid.UUID]] = []
    find_live = orders.find_live

    def place() -> uuid.UUID:
        placed = orders.place(me, slug, method="card", coupon_code=code, consented=True)
        db.session.commit()
        return placed.order.id

    def elsewhere() -> uuid.UUID:
        with committed_app.app_context():
            return place()

    with installed(committed_app, MemoryGateway()), ThreadPoolExecutor(1) as pool:

        def look_while_the_other_tab_orders(*args: object, **options: object) -> Order | None:
            live = find_live(*args, **options)  # type: ignore[arg-type]
            if not others:
                others.append(pool.submit(elsewhere))
                done = others[0].done
                wait_until(lambda: done() or is_somebody_waiting(), 4, "the other waits or is done")
            return live

        monkeypatch.setattr(orders, "find_live", look_while_the_other_tab_orders)
        mine = place()
        assert others[0].result(timeout=30) == mine
    assert db.session.query(Order).count() == 1
