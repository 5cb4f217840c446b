"""The accounts for transfers: added, changed and ordered by administrators who just proved it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app import clock
from app.database import db
from app.domain.accounts.models import User
from app.domain.audit.actions import Action
from app.domain.audit.models import AuditEvent
from app.domain.checkout import transfer_methods
from app.domain.checkout.models import OrderStatus
from app.domain.checkout.transfer_models import TransferMethod
from app.domain.courses.models import Course
from tests.support.client import CheckedClient
from tests.support.orders import make_order

ClientOf = Callable[[User], CheckedClient]
PATH = "/admin/settings/transfer-methods"
API = "/api/admin/transfer-methods"
TELEBIRR = {
    "name": "  Telebirr ",
    "account_name": "Triple Technologies",
    "account_number": "0911 223344",
    "instructions": "Choose Send Money.",
    "currency": "ETB",
    "is_active": "y",
}


@pytest.fixture
def owner(client_of: ClientOf, admin: User) -> CheckedClient:
    return client_of(admin)


def make_method(name: str = "CBE", **values: object) -> TransferMethod:
    fields = {"name": name, "account_name": "School", "account_number": "1000", **values}
    method = transfer_methods.create(fields)
    db.session.commit()
    return method


def names() -> list[str]:
    return [method.name for method in transfer_methods.list_methods()]


def noted(action: Action) -> AuditEvent:
    return db.session.query(AuditEvent).filter_by(action=action).one()


def test_an_account_is_added_behind_the_others_and_noted(owner: CheckedClient) -> None:
    make_method("CBE")
    assert owner.post_form(PATH, TELEBIRR).status_code == 303
    assert names() == ["CBE", "Telebirr"]
    added = transfer_methods.list_methods()[-1]
    assert (added.account_number, added.currency, added.is_active) == ("0911 223344", "ETB", True)
    assert noted(Action.TRANSFER_METHOD_CREATED).detail["account_number"] == "0911 223344"
    assert "0911 223344" in owner.get(PATH).text


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", " "), ("account_name", ""), ("account_number", "9" * 81), ("name", "a\u202eb")],
    ids=["no name", "nobody", "long number", "turned around"],
)
def test_a_wrong_field_is_named_and_nothing_is_added(
    owner: CheckedClient, field: str, value: str
) -> None:
    answer = owner.post_form(PATH, {**TELEBIRR, field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert names() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("currency", "XXX"), ("instructions", "x" * 1001), ("is_active", "yes"), ("price", 1)],
)
def test_json_names_the_wrong_field(owner: CheckedClient, field: str, value: object) -> None:
    fields = {"name": "CBE", "account_name": "School", "account_number": "1000", field: value}
    refused = owner.post(API, json=fields)
    assert refused.status_code == 422
    assert [fault["field"] for fault in refused.get_json()["errors"]] == [field]


def test_a_change_is_noted_with_what_it_was_before(owner: CheckedClient) -> None:
    method = make_method()
    changes = {**TELEBIRR, "account_number": "2000", "version": "1", "is_active": ""}
    assert owner.post_form(f"{PATH}/{method.id}", changes).status_code == 303
    event = noted(Action.TRANSFER_METHOD_CHANGED)
    assert (event.detail["before"]["account_number"], event.detail["after"]["account_number"]) == (
        *("1000", "2000"),
    )
    changed = transfer_methods.get_method(method.id)
    assert (changed.is_active, changed.version) == (False, 2)


def test_two_tabs_lose_nothing_silently(owner: CheckedClient) -> None:
    method = make_method()
    path = f"{PATH}/{method.id}"
    owner.patch(f"{API}/{method.id}", json={"account_number": "2000"})
    late = owner.post_form(path, {**TELEBIRR, "version": "1"})
    assert late.status_code == 409
    assert "Somebody else changed this account" in late.text
    assert transfer_methods.get_method(method.id).account_number == "2000"
    assert owner.post_form(path, {**TELEBIRR, "version": "2"}).status_code == 303
    stale = owner.patch(f"{API}/{method.id}", json={"name": "X", "version": 1})
    assert (stale.status_code, stale.get_json()["code"]) == (409, "VERSION_CONFLICT")


def test_accounts_are_moved_and_stop_at_the_ends(owner: CheckedClient) -> None:
    first, second, third = (make_method(name) for name in "abc")
    owner.post_form(f"{PATH}/{third.id}/move/up", page=PATH)
    assert names() == ["a", "c", "b"]
    owner.post_form(f"{PATH}/{first.id}/move/up", page=PATH)
    owner.post_form(f"{PATH}/{second.id}/move/down", page=PATH)
    assert names() == ["a", "c", "b"]
    owner.patch(f"{API}/{second.id}", json={"position": 0})
    assert names() == ["b", "a", "c"]


def test_an_account_that_orders_wait_on_stays(
    owner: CheckedClient, learner: User, course: Course
) -> None:
    method = make_method()
    order = make_order(learner, course, method="transfer", transfer_method_id=method.id)
    refused = owner.delete(f"{API}/{method.id}")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "IN_USE")
    assert "Orders wait for money on this account" in owner.get(f"{PATH}/{method.id}").text
    order.status = OrderStatus.CANCELLED
    db.session.commit()
    assert owner.delete(f"{API}/{method.id}").status_code == 204
    assert names() == []
    db.session.refresh(order)
    assert order.transfer_method_id is None


def test_money_is_not_redirected_without_a_recent_proof_of_identity(owner: CheckedClient) -> None:
    method_id = make_method().id
    with clock.shifted(timedelta(minutes=16)):
        refused = owner.patch(f"{API}/{method_id}", json={"account_number": "666"})
        assert refused.get_json()["code"] == "CONFIRMATION_REQUIRED"
        assert owner.delete(f"{API}/{method_id}").status_code == 403
        assert owner.get(PATH).headers["Location"].startswith("/account/confirm")
    assert transfer_methods.get_method(method_id).account_number == "1000"
