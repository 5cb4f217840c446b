"""The orders that were searched for, as a file: whole, harmless, asked for twice, noted."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta

import pytest

from app.clock import shifted
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.audit.models import AuditEvent
from app.web.admin import orders_file
from tests import factories
from tests.support.client import CheckedClient
from tests.support.html import parse
from tests.support.orders import make_order, make_payment, make_refund

ClientOf = Callable[[User], CheckedClient]
PATH = "/admin/orders.csv"


@pytest.fixture
def owner(client_of: ClientOf, admin: User) -> CheckedClient:
    return client_of(admin)


def _rows(client: CheckedClient, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"{PATH}{query}")
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    assert "no-store" in answer.headers["Cache-Control"]
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_the_file_is_the_whole_search_in_batches(
    owner: CheckedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders_file, "BATCH", 2)
    course = factories.make_course(title="Looms", price_minor=12_050, currency="ETB")
    numbers = {make_order(factories.make_user(), course, 12_050).number for _ in range(5)}
    make_order(factories.make_user(), factories.make_course(title="Other"), 100)
    db.session.commit()
    rows = _rows(owner, f"?course_id={course.id}")
    assert {row["number"] for row in rows} == numbers
    assert len(rows) == 5
    assert {(row["total"], row["currency"], row["course"]) for row in rows} == {
        ("120.50", "ETB", "Looms")
    }
    assert [row["created_at"] for row in rows] == sorted(
        (row["created_at"] for row in rows), reverse=True
    )


def test_what_went_back_is_told_and_no_name_is_a_formula(owner: CheckedClient) -> None:
    course = factories.make_course(price_minor=5_000, currency="USD")
    buyer = factories.make_user(name="=1+1")
    order = make_order(buyer, course, 5_000)
    make_refund(make_payment(order), 1_250)
    db.session.commit()
    [row] = _rows(owner, f"?user_id={buyer.id}")
    assert (row["total"], row["refunded"], row["customer"]) == ("50.00", "12.50", "'=1+1")
    assert row["email"] == buyer.email


def test_taking_the_file_is_noted_without_addresses(owner: CheckedClient, learner: User) -> None:
    make_order(learner, factories.make_course(price_minor=100, currency="USD"), 100)
    db.session.commit()
    assert len(_rows(owner, f"?q={learner.email}&status=open")) == 1
    [event] = db.session.query(AuditEvent).filter_by(action="report.exported")
    assert event.detail["criteria"] == {"text": "given", "status": "open"}


def test_asking_how_large_the_file_is_takes_none(owner: CheckedClient) -> None:
    assert owner.head(PATH).status_code == 200
    assert not db.session.query(AuditEvent).filter_by(action="report.exported").count()


def test_the_file_asks_again_who_it_is(owner: CheckedClient) -> None:
    with shifted(timedelta(minutes=16)):
        answer = owner.get(PATH)
    assert answer.status_code == 303
    assert "/account/confirm" in answer.headers["Location"]


def test_what_cannot_be_searched_for_is_told(owner: CheckedClient) -> None:
    assert owner.get(f"{PATH}?status=odd").status_code == 422


def test_only_administrators_see_the_way_to_the_file(
    owner: CheckedClient, client_of: ClientOf, learner: User
) -> None:
    make_order(learner, factories.make_course(price_minor=100, currency="USD"), 100)
    db.session.commit()
    assert parse(owner.get("/admin/orders?status=open").text).find("a", href=f"{PATH}?status=open")
    supporter = client_of(factories.make_user(role=Role.SUPPORT))
    assert "orders.csv" not in supporter.get("/admin/orders").text
