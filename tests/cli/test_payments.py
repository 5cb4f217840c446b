"""`flask payments reconcile`: says each difference, and 0 when all is well."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app.database import db
from app.domain.checkout import differences
from app.domain.checkout.models import Order, OrderStatus
from tests import factories
from tests.support.gateway import MemoryGateway, installed
from tests.support.orders import make_order


@pytest.fixture
def gateway(committed_app: Flask) -> Iterator[MemoryGateway]:
    """Knows of one order that was paid and that nobody heard of."""
    with installed(committed_app, MemoryGateway()) as gateway:
        course = factories.make_course(price_minor=12_000, currency="ETB")
        order = make_order(factories.make_user(), course, number="ABCD1234")
        order.gateway_reference = gateway.open(order)
        gateway.pay(order)
        db.session.commit()
        yield gateway


def _said(app: Flask, *arguments: str) -> tuple[int, list[str]]:
    answer = app.test_cli_runner().invoke(args=["payments", "reconcile", *arguments])
    db.session.rollback()
    return answer.exit_code, answer.output.splitlines()


def test_it_says_what_it_repaired_and_then_nothing(
    committed_app: Flask, gateway: MemoryGateway
) -> None:
    code, said = _said(committed_app, "--dry-run")
    assert (code, said[-1]) == (0, "3 differences")
    assert said[1] == "card, order ABCD1234: order open -> paid (differs)"
    assert db.session.query(Order).one().status is OrderStatus.OPEN
    code, said = _said(committed_app, "--since", "1")
    assert said[1] == "card, order ABCD1234: order open -> paid (repaired)"
    assert db.session.query(Order).one().status is OrderStatus.PAID
    assert _said(committed_app) == (0, ["0 differences"])


def test_it_ends_with_an_error_where_people_have_to_look(
    committed_app: Flask, gateway: MemoryGateway
) -> None:
    _said(committed_app)
    gateway.attempts.clear()
    code, said = _said(committed_app)
    assert (code, said[-1]) == (1, "1 difference")
    assert said[0].endswith("is not known to the gateway (look at it)")
    _said(committed_app)
    [left] = differences.list_open(10)
    assert (left.number, left.method) == ("ABCD1234", "card")
    assert left.what.endswith("is not known to the gateway")


def test_a_rehearsal_keeps_no_difference(committed_app: Flask, gateway: MemoryGateway) -> None:
    _said(committed_app)
    gateway.attempts.clear()
    assert _said(committed_app, "--dry-run")[0] == 1
    assert differences.list_open(10) == []


def test_it_says_that_the_gateway_is_silent(committed_app: Flask, gateway: MemoryGateway) -> None:
    gateway.is_down = True
    code, said = _said(committed_app)
    assert code == 1
    assert said[-1].startswith("Error: The payment provider does not answer.")
