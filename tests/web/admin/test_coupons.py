"""Coupons as staff makes them: what they may hold, whose they are, what stays once promised."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.audit.actions import Action
from app.domain.audit.models import AuditEvent
from app.domain.checkout import coupons
from app.domain.checkout.coupon_models import Coupon, CouponKind
from app.domain.courses.models import Course
from tests import factories
from tests.support.client import CheckedClient
from tests.support.coupons import make_coupon
from tests.support.orders import make_order

ClientOf = Callable[[User], CheckedClient]
PATH = "/admin/coupons"
API = "/api/admin/coupons"


@pytest.fixture
def owner(client_of: ClientOf, admin: User) -> CheckedClient:
    return client_of(admin)


@pytest.fixture
def teacher(client_of: ClientOf, instructor: User) -> CheckedClient:
    return client_of(instructor)


def _noted() -> list[str]:
    return [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]


def _used(coupon: Coupon) -> Coupon:
    order = make_order(factories.make_user(), factories.make_course(price_minor=100))
    coupons.redeem(coupon, order.user_id, order.id)
    db.session.commit()
    return coupon


def _only() -> Coupon:
    db.session.expire_all()
    return db.session.query(Coupon).one()


def _faults(answer: Any) -> set[str]:
    assert answer.status_code == 422
    return {error["field"] for error in answer.get_json()["errors"]}


def test_a_coupon_is_made_on_its_page(owner: CheckedClient, course: Course) -> None:
    form = {
        "code": " spring-20 ", "value": "20", "unit": "percent", "course_id": str(course.id),
        "max_redemptions": "50", "max_per_user": "", "starts_at": "", "ends_at": "2031-01-31T18:30",
        "note": "For the newsletter", "is_active": "y",
    }  # fmt: skip
    answer = owner.post_form(f"{PATH}/new", form)
    assert answer.status_code == 303
    made = _only()
    assert (made.code, made.kind, made.percent) == ("SPRING-20", CouponKind.PERCENT, 20)
    assert (made.max_redemptions, made.max_per_user, made.course_id) == (50, None, course.id)
    assert made.ends_at is not None
    assert made.ends_at.isoformat().startswith("2031-01-31T18:30")
    page = owner.get(answer.headers["Location"]).text
    assert "SPRING-20" in page
    assert 'value="2031-01-31T18:30"' in page
    assert "For the newsletter" in owner.get(PATH).text
    assert _noted() == [Action.COUPON_CREATED]


def test_a_window_is_typed_in_the_time_zone_of_who_types(client_of: ClientOf, admin: User) -> None:
    admin.timezone = "Africa/Addis_Ababa"
    db.session.commit()
    here = client_of(admin)
    form = {"value": "150.50", "unit": "ETB", "starts_at": "2031-01-31T18:30", "is_active": "y"}
    answer = here.post_form(f"{PATH}/new", form)
    made = _only()
    assert (made.amount_minor, made.currency) == (15_050, "ETB")
    assert made.starts_at is not None
    assert made.starts_at.isoformat() == "2031-01-31T15:30:00+00:00"
    assert 'value="2031-01-31T18:30"' in here.get(answer.headers["Location"]).text


def test_without_a_code_one_is_made(owner: CheckedClient) -> None:
    answer = owner.post(API, json={"percent": 100})
    assert answer.status_code == 201
    made = answer.get_json()["coupon"]
    assert len(made["code"]) == 8
    assert (made["percent"], made["amount"], made["course"]) == (100, None, None)
    assert (made["state"], made["max_per_user"], made["redeemed"]) == ("active", 1, 0)


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("percent", {}),
        ("percent", {"percent": 10, "amount": {"amount_minor": 1, "currency": "ETB"}}),
        ("percent", {"percent": 0}),
        ("percent", {"percent": 101}),
        ("percent", {"percent": -5}),
        ("percent", {"percent": 12.5}),
        ("amount.amount_minor", {"amount": {"amount_minor": 0, "currency": "ETB"}}),
        ("amount.currency", {"amount": {"amount_minor": 100, "currency": "XXX"}}),
        ("code", {"percent": 10, "code": "a b/c"}),
        ("code", {"percent": 10, "code": "ab"}),
        ("max_redemptions", {"percent": 10, "max_redemptions": 0}),
        ("max_per_user", {"percent": 10, "max_per_user": -1}),
        ("note", {"percent": 10, "note": "x" * 201}),
        ("starts_at", {"percent": 10, "starts_at": "0001-01-01T00:00:00Z"}),
        ("starts_at", {"percent": 10, "starts_at": "tomorrow"}),
        ("ends_at", {"percent": 10, "starts_at": "2030-02-01T00:00:00Z",
                     "ends_at": "2030-02-01T00:00:00Z"}),
        ("redeemed", {"percent": 10, "redeemed": -5}),
        ("course_id", {"percent": 10, "course_id": "00000000-0000-4000-8000-000000000000"}),
    ],
)  # fmt: skip
def test_what_a_coupon_cannot_be_is_refused_by_name(
    owner: CheckedClient, field: str, body: dict[str, Any]
) -> None:
    assert _faults(owner.post(API, json=body)) == {field}
    assert db.session.query(Coupon).count() == 0


@pytest.mark.parametrize("value", ["", "abc", "12.5", "0", "-3", "1e3", "١٢", "100.5"])
def test_what_is_no_percentage_is_said_at_its_field(owner: CheckedClient, value: str) -> None:
    answer = owner.post_form(f"{PATH}/new", {"value": value, "unit": "percent"})
    assert answer.status_code == 422
    assert 'id="value-error"' in answer.text


def test_an_amount_is_of_the_course_s_currency(owner: CheckedClient, course: Course) -> None:
    amount = {"amount_minor": 100, "currency": "ETB"}
    assert course.currency == "USD"
    answer = owner.post(API, json={"amount": amount, "course_id": str(course.id)})
    assert _faults(answer) == {"amount.currency"}


def test_a_code_is_given_once_in_whatever_case(owner: CheckedClient) -> None:
    make_coupon(code="SPRING")
    assert _faults(owner.post(API, json={"percent": 10, "code": "spring"})) == {"code"}
    other = make_coupon(code="AUTUMN")
    assert _faults(owner.patch(f"{API}/{other.id}", json={"code": "Spring"})) == {"code"}


def test_an_instructor_makes_coupons_for_their_own_courses_only(
    teacher: CheckedClient, course: Course
) -> None:
    foreign = factories.make_course()
    assert _faults(teacher.post(API, json={"percent": 10})) == {"course_id"}
    body = {"percent": 10, "course_id": str(foreign.id)}
    assert _faults(teacher.post(API, json=body)) == {"course_id"}
    body = {"percent": 10, "course_id": str(course.id)}
    made = teacher.post(API, json=body).get_json()["coupon"]
    moved = teacher.patch(f"{API}/{made['id']}", json={"course_id": str(foreign.id)})
    assert _faults(moved) == {"course_id"}
    assert _faults(teacher.patch(f"{API}/{made['id']}", json={"course_id": None})) == {"course_id"}


def test_an_instructor_sees_the_coupons_of_their_own_courses_only(
    teacher: CheckedClient, course: Course
) -> None:
    own = make_coupon(course_id=course.id)
    foreign = make_coupon(course_id=factories.make_course().id)
    general = make_coupon()
    shown = teacher.get(API).get_json()["items"]
    assert [item["id"] for item in shown] == [str(own.id)]
    for other in (foreign, general):
        assert teacher.get(f"{API}/{other.id}").status_code == 404
        assert teacher.patch(f"{API}/{other.id}", json={"note": "x"}).status_code == 404
        assert teacher.delete(f"{API}/{other.id}").status_code == 404


def test_support_sees_coupons_and_changes_none(client_of: ClientOf) -> None:
    coupon = make_coupon()
    support = client_of(factories.make_user(Role.SUPPORT))
    page = support.get(f"{PATH}/{coupon.id}").text
    assert coupon.code in page
    assert '<form class="settings__part"' not in page
    assert support.post(API, json={"percent": 10}).status_code == 403


def test_what_a_used_coupon_promises_stays(owner: CheckedClient, course: Course) -> None:
    coupon = _used(make_coupon(code="KEPT"))
    path = f"{API}/{coupon.id}"
    assert _faults(owner.patch(path, json={"code": "OTHER"})) == {"code"}
    assert _faults(owner.patch(path, json={"percent": 30})) == {"percent"}
    assert _faults(owner.patch(path, json={"course_id": str(course.id)})) == {"course_id"}
    changed = owner.patch(path, json={"max_redemptions": 1, "note": "Kept"}).get_json()["coupon"]
    assert (changed["state"], changed["max_redemptions"], changed["note"]) == ("used_up", 1, "Kept")
    _used(make_coupon())
    assert owner.delete(path).status_code == 409


def test_a_limit_is_not_set_below_the_uses(owner: CheckedClient) -> None:
    coupon = make_coupon(max_redemptions=9)
    for _ in range(2):
        _used(coupon)
    answer = owner.patch(f"{API}/{coupon.id}", json={"max_redemptions": 1})
    assert _faults(answer) == {"max_redemptions"}


def test_a_change_on_an_old_version_is_refused(owner: CheckedClient) -> None:
    coupon = make_coupon()
    path = f"{API}/{coupon.id}"
    assert owner.patch(path, json={"note": "First", "version": 1}).status_code == 200
    late = owner.patch(path, json={"note": "Second", "version": 1})
    assert (late.status_code, late.get_json()["code"]) == (409, "VERSION_CONFLICT")
    again = owner.patch(path, json={"note": "First", "version": 1})
    assert again.status_code == 200
    assert _only().note == "First"


def test_the_form_keeps_what_somebody_else_saved_until_it_is_sent_again(
    owner: CheckedClient,
) -> None:
    coupon = make_coupon(code="BOTH")
    form = {"code": "BOTH", "value": "20", "unit": "percent", "is_active": "y", "version": "1"}
    owner.patch(f"{API}/{coupon.id}", json={"note": "Theirs"})
    answer = owner.post_form(f"{PATH}/{coupon.id}", {**form, "note": "Mine"})
    assert answer.status_code == 422
    assert "Somebody else changed this coupon" in answer.text
    assert _only().note == "Theirs"
    again = owner.post_form(f"{PATH}/{coupon.id}", {**form, "note": "Mine", "version": "2"})
    assert again.status_code == 303
    assert _only().note == "Mine"


def test_percent_gives_way_to_an_amount(owner: CheckedClient) -> None:
    coupon = make_coupon()
    amount = {"amount_minor": 5_000, "currency": "ETB"}
    changed = owner.patch(f"{API}/{coupon.id}", json={"amount": amount}).get_json()["coupon"]
    assert (changed["percent"], changed["amount"]) == (None, amount)
    back = owner.patch(f"{API}/{coupon.id}", json={"percent": 5}).get_json()["coupon"]
    assert (back["percent"], back["amount"]) == (5, None)


@pytest.mark.parametrize("field", ["code", "is_active", "note"])
def test_what_must_be_something_is_not_set_to_nothing(owner: CheckedClient, field: str) -> None:
    coupon = make_coupon()
    assert _faults(owner.patch(f"{API}/{coupon.id}", json={field: None})) == {field}


def test_a_coupon_is_switched_off_and_on_again(owner: CheckedClient) -> None:
    coupon = make_coupon()
    for state, is_active in (("off", False), ("off", False), ("on", True)):
        answer = owner.post_form(f"{PATH}/{coupon.id}/switch/{state}", {}, f"{PATH}/{coupon.id}")
        assert answer.status_code == 303
        assert _only().is_active is is_active
    assert _noted().count(Action.COUPON_CHANGED) == 2


def test_an_unused_coupon_is_deleted(owner: CheckedClient) -> None:
    coupon = make_coupon()
    answer = owner.post_form(f"{PATH}/{coupon.id}/delete", {}, f"{PATH}/{coupon.id}")
    assert answer.status_code == 303
    assert db.session.query(Coupon).count() == 0
    assert _noted() == [Action.COUPON_DELETED]


def test_a_used_coupon_stays_and_its_page_says_why(owner: CheckedClient) -> None:
    coupon = _used(make_coupon())
    owner.post_form(f"{PATH}/{coupon.id}/delete", {}, f"{PATH}/{coupon.id}")
    assert _only().id == coupon.id
    assert "Orders have used this coupon" in owner.get(f"{PATH}/{coupon.id}").text


def test_the_list_is_narrowed_and_paged(owner: CheckedClient, course: Course) -> None:
    now = utcnow()
    made = [
        make_coupon(code=f"PAGE-{n}", note="50 % off", created_at=now - timedelta(minutes=n))
        for n in range(3)
    ]
    make_coupon(code="ELSE", course_id=course.id, created_at=now - timedelta(hours=1))
    first = owner.get(f"{API}?q=page-&limit=2").get_json()
    assert [item["code"] for item in first["items"]] == [made[0].code, made[1].code]
    rest = owner.get(f"{API}?q=page-&limit=2&cursor={first['next_cursor']}").get_json()
    assert [item["code"] for item in rest["items"]] == [made[2].code]
    assert rest["next_cursor"] is None
    by_course = owner.get(f"{API}?course_id={course.id}").get_json()["items"]
    assert [item["code"] for item in by_course] == ["ELSE"]
    assert owner.get(f"{API}?q=%25").get_json()["items"] != []
    assert owner.get(f"{API}?q=_").get_json()["items"] == []
    assert "No coupon fits" in owner.get(f"{PATH}?q=nothing%00").text
