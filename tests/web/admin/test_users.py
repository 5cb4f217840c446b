"""The pages about people and their JSON twins: finding somebody, looking, acting."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts.models import Role, User, UserStatus
from app.domain.audit.models import AuditEvent
from app.domain.courses.models import Enrollment
from app.domain.outbox.models import Mail
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
REASON = {"reason": "Shares the password in a forum."}
ACTS = [
    ("suspend", REASON, "account.suspended", "account_suspended"),
    ("sign-out", {}, "sessions.ended", "signed_out"),
    ("role", {"role": "instructor"}, "role.changed", "role_changed"),
]


@pytest.fixture
def desk(client_of: ClientOf, admin: User) -> CheckedClient:
    """An administrator at work."""
    return client_of(admin)


@pytest.fixture
def helper(client_of: ClientOf) -> CheckedClient:
    """Somebody of the support."""
    return client_of(factories.make_user(Role.SUPPORT, name="Sue Support"))


def _names(client: CheckedClient, **query: str) -> list[str]:
    items = client.get("/api/admin/users", query_string=query).get_json()["items"]
    return [item["name"] for item in items]


def _events(action: str) -> list[AuditEvent]:
    db.session.expire_all()
    return list(db.session.query(AuditEvent).filter_by(action=action).order_by(AuditEvent.id))


def _mails(user: User) -> list[str]:
    return [mail.template for mail in db.session.query(Mail).filter_by(to_email=user.email)]


def test_people_are_found_by_any_part_of_name_or_address(desk: CheckedClient) -> None:
    factories.make_user(name="Weyzero Tadesse", email="wt@weaving.example")
    for text in ("zero tad", "WEYZERO", "@weaving", "wt@weaving.example"):
        assert _names(desk, q=text) == ["Weyzero Tadesse"]
    assert _names(desk, q="nobody like this") == []


@pytest.mark.parametrize("text", ["%", "_", "\\", "'; --"])
def test_signs_of_patterns_are_text(desk: CheckedClient, text: str) -> None:
    factories.make_user(name=f"Odd {text} name")
    assert _names(desk, q=text) == [f"Odd {text} name"]


def test_an_id_finds_its_person(desk: CheckedClient, learner: User) -> None:
    assert _names(desk, q=str(learner.id)) == ["Lea Learner"]
    assert _names(desk, q=str(uuid.uuid4())) == []


def test_role_and_state_narrow_the_list(desk: CheckedClient, learner: User) -> None:
    factories.make_user(Role.SUPPORT, name="Sue Support")
    factories.make_user(name="Sid Suspended", status=UserStatus.SUSPENDED)
    assert _names(desk, role="support") == ["Sue Support"]
    assert _names(desk, status="suspended") == ["Sid Suspended"]
    assert _names(desk, status="suspended", role="support") == []


def test_list_of_people_is_walked_by_cursor(desk: CheckedClient) -> None:
    moment = utcnow()
    for number in range(5):
        factories.make_user(name=f"Walk {number}", created_at=moment + timedelta(number // 2))
    seen: list[str] = []
    query = {"q": "Walk", "limit": "2"}
    while True:
        document = desk.get("/api/admin/users", query_string=query).get_json()
        seen += [item["name"] for item in document["items"]]
        if document["next_cursor"] is None:
            break
        query["cursor"] = document["next_cursor"]
    assert sorted(seen) == [f"Walk {number}" for number in range(5)]
    assert seen[0] == "Walk 4"


def test_next_page_keeps_what_was_searched_for(desk: CheckedClient) -> None:
    for number in range(3):
        factories.make_user(name=f"Many {number}")
    page = html.parse(desk.get("/admin/users?q=Many&limit=2").text)
    [link] = page.select("a[rel=next]")
    assert "Many" in desk.get(str(link["href"])).text
    assert "q=Many" in str(link["href"])


@pytest.mark.parametrize("query", [{"role": "king"}, {"status": "x"}, {"q": "x" * 201}])
def test_wrong_narrowing_is_named(desk: CheckedClient, query: dict[str, str]) -> None:
    answer = desk.get("/api/admin/users", query_string=query)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.get_json()["errors"]] == list(query)
    page = desk.get("/admin/users", query_string=query)
    assert page.status_code == 422
    assert "cannot be searched" in page.text


def test_nothing_private_of_a_password_or_token_is_shown(desk: CheckedClient) -> None:
    user = factories.make_user(password=factories.PASSWORD)
    text = desk.get(f"/api/admin/users/{user.id}").text + desk.get(f"/admin/users/{user.id}").text
    for secret in ("argon2", "password_hash", "totp_sealed", "token_hash"):
        assert secret not in text


def test_one_person_is_shown_with_sign_ins_and_courses(
    desk: CheckedClient, client_of: ClientOf, enrolled: User, enrollment: Enrollment
) -> None:
    client_of(enrolled)
    document = desk.get(f"/api/admin/users/{enrolled.id}").get_json()
    assert document["user"]["email"] == enrolled.email
    assert [session["user_agent"] for session in document["sessions"]] == ["tests"]
    assert document["enrollment_count"] == 1
    assert document["second_factor"] == {
        "totp_confirmed_at": None,
        "passkey_count": 0,
        "recovery_codes_left": 0,
    }
    page = desk.get(f"/admin/users/{enrolled.id}").text
    assert "Weaving by hand" in page
    assert "127.0.0.1" in page


def test_unknown_person_is_not_found(desk: CheckedClient) -> None:
    for path in (f"/admin/users/{uuid.uuid4()}", f"/admin/users/{uuid.uuid4()}/suspend"):
        assert desk.get(path).status_code == 404


@pytest.mark.parametrize(("act", "data", "action", "mail"), ACTS, ids=[act[0] for act in ACTS])
def test_act_is_announced_done_noted_and_mailed(
    desk: CheckedClient,
    client_of: ClientOf,
    admin: User,
    learner: User,
    act: str,
    data: dict[str, str],
    action: str,
    mail: str,
) -> None:
    client = client_of(learner)
    path = f"/admin/users/{learner.id}/{act}"
    page = desk.get(path).text
    assert "What this does" in page
    assert _events(action) == []
    answer = desk.post_form(path, data)
    assert answer.headers["Location"] == f"/admin/users/{learner.id}"
    assert client.get("/api/auth/me").status_code == 401
    [event] = _events(action)
    assert (event.actor_id, event.subject_id) == (admin.id, learner.id)
    assert event.ip_address == "127.0.0.1"
    assert _mails(learner) == [mail]


@pytest.mark.parametrize(("act", "data", "action", "mail"), ACTS, ids=[act[0] for act in ACTS])
def test_second_click_does_nothing_again(
    desk: CheckedClient,
    client_of: ClientOf,
    learner: User,
    act: str,
    data: dict[str, str],
    action: str,
    mail: str,
) -> None:
    client_of(learner)
    path = f"/api/admin/users/{learner.id}/{act}"
    assert [desk.post(path, json=data).get_json()["changed"] for _ in range(2)] == [True, False]
    assert len(_events(action)) == 1
    assert _mails(learner) == [mail]


def test_suspension_needs_a_reason_and_notes_it(desk: CheckedClient, learner: User) -> None:
    path = f"/admin/users/{learner.id}/suspend"
    refused = desk.post_form(path, {"reason": "   "})
    assert refused.status_code == 422
    assert "Say why" in refused.text
    db.session.refresh(learner)
    assert learner.status is UserStatus.ACTIVE
    desk.post_form(path, REASON)
    assert _events("account.suspended")[0].detail == REASON


def test_reinstated_person_signs_in_again(desk: CheckedClient, client: CheckedClient) -> None:
    user = factories.make_user(password=factories.PASSWORD)
    body = {"email": user.email, "password": factories.PASSWORD}
    desk.post_form(f"/admin/users/{user.id}/suspend", REASON)
    assert client.post("/api/auth/login", json=body).status_code == 401
    desk.post_form(f"/admin/users/{user.id}/reinstate")
    assert client.post("/api/auth/login", json=body).status_code == 200
    assert _mails(user)[:2] == ["account_suspended", "account_reinstated"]
    assert len(_events("account.reinstated")) == 1


def test_role_change_says_which_role_it_was(desk: CheckedClient, learner: User) -> None:
    desk.post_form(f"/admin/users/{learner.id}/role", {"role": "support"})
    db.session.refresh(learner)
    assert learner.role is Role.SUPPORT
    assert _events("role.changed")[0].detail == {"before": "learner", "after": "support"}


def test_form_of_the_role_starts_with_the_role_there_is(
    desk: CheckedClient, instructor: User
) -> None:
    page = html.parse(desk.get(f"/admin/users/{instructor.id}/role").text)
    assert [option["value"] for option in page.select("#role option[selected]")] == ["instructor"]


def test_second_factor_is_reset(desk: CheckedClient, client_of: ClientOf, learner: User) -> None:
    learner.second_factor_added_at = learner.totp_confirmed_at = utcnow()
    learner.totp_sealed = b"sealed"
    db.session.commit()
    client = client_of(learner)
    assert desk.get(f"/api/admin/users/{learner.id}").get_json()["acts"][-1] == "second-factor"
    desk.post_form(f"/admin/users/{learner.id}/second-factor")
    db.session.refresh(learner)
    assert (learner.totp_sealed, learner.second_factor_added_at) == (None, None)
    assert client.get("/api/auth/me").status_code == 401
    assert _events("second_factor.removed")[0].detail == {"by": "staff"}
    assert _mails(learner) == ["second_factor_changed"]


@pytest.mark.parametrize("act", ["suspend", "sign-out", "role"])
def test_act_asks_again_who_it_is_after_a_while(
    desk: CheckedClient, learner: User, act: str
) -> None:
    body = {"suspend": REASON, "role": {"role": "admin"}}.get(act, {})
    with shifted(timedelta(minutes=16)):
        page = desk.get(f"/admin/users/{learner.id}/{act}")
        assert page.status_code == 303
        assert page.headers["Location"].startswith("/account/confirm?next=")
        answer = desk.post(f"/api/admin/users/{learner.id}/{act}", json=body)
    assert answer.status_code == 403
    assert answer.get_json()["code"] == "CONFIRMATION_REQUIRED"
    db.session.refresh(learner)
    assert (learner.status, learner.role) == (UserStatus.ACTIVE, Role.LEARNER)


def test_support_sees_no_addresses_and_events_of_staff(
    helper: CheckedClient, client_of: ClientOf, admin: User
) -> None:
    client_of(admin)
    document = helper.get(f"/api/admin/users/{admin.id}").get_json()
    assert (document["sessions"], document["recent_events"], document["acts"]) == ([], [], [])
    assert "127.0.0.1" not in helper.get(f"/admin/users/{admin.id}").text


def test_navigation_shows_what_the_role_opens(
    desk: CheckedClient, helper: CheckedClient, client_of: ClientOf, instructor: User
) -> None:
    def links(client: CheckedClient) -> set[str]:
        page = html.parse(client.get("/admin").text)
        return {str(link["href"]) for link in page.select(".admin__nav a")}

    assert {"/admin/users", "/admin/audit"} <= links(desk)
    assert "/admin/users" in links(helper)
    assert "/admin/audit" not in links(helper)
    assert not {"/admin/users", "/admin/audit"} & links(client_of(instructor))
