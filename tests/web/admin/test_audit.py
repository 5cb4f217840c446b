"""The page of the audit trail, its JSON twin and its file: found, paged, harmless to open."""

import csv
import io
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts import sessions
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import Role, User
from app.domain.audit import trail, verification
from app.domain.audit.actions import Action
from app.domain.audit.models import AuditEvent
from app.domain.audit.trail import ActorKind, Event
from app.web.admin import audit
from tests import factories
from tests.domain.audit import chain
from tests.support import html
from tests.support.client import CheckedClient
from tests.support.http import Visitor
from tests.support.server import LiveServer

ClientOf = Callable[[User], CheckedClient]


@pytest.fixture
def desk(client_of: ClientOf, admin: User) -> CheckedClient:
    """An administrator at work."""
    return client_of(admin)


def _found(client: CheckedClient, **query: str) -> list[int]:
    answer = client.get("/api/admin/audit", query_string=query)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.get_json()["items"]]


def _table(client: CheckedClient, **query: str) -> list[list[str]]:
    answer = client.get("/admin/audit/export", query_string=query)
    assert answer.mimetype == "text/csv"
    return list(csv.reader(io.StringIO(answer.text)))


def test_events_are_found_by_each_of_their_sides(
    desk: CheckedClient, learner: User, admin: User
) -> None:
    one, two, three = uuid.uuid4(), learner.id, admin.id
    chain.write(action=Action.SIGNED_IN, actor_id=one, ip_address="203.0.113.7")
    chain.write(action=Action.SIGNED_OUT, actor_id=two, subject_id=one, ip_address="203.0.114.1")
    rows = chain.write(action=Action.ROLE_CHANGED, actor_id=three, ip_address="2001:db8::5")
    first, second, third = [row.id for row in rows]
    assert _found(desk) == [third, second, first]
    assert _found(desk, actor=str(one)) == [first]
    assert _found(desk, actor=learner.email.upper()) == [second]
    assert _found(desk, subject=str(one)) == [second]
    assert _found(desk, action="role.changed") == [third]
    assert _found(desk, address="203.0.113.7") == [first]
    assert _found(desk, address="203.0.112.0/22") == [second, first]
    assert _found(desk, address="2001:db8::/32") == [third]
    assert _found(desk, actor=learner.email, action="role.changed") == []


def test_events_are_found_by_day_and_moment(desk: CheckedClient) -> None:
    with shifted(timedelta(days=-3)):
        old = chain.write()[0].id
        day = utcnow().date().isoformat()
        moment = utcnow()
    new = chain.write()[1].id
    assert _found(desk, until=day) == [old]
    assert _found(desk, since=day) == [new, old]
    assert _found(desk, since=day, until=day) == [old]
    later = (moment + timedelta(seconds=1)).isoformat()
    assert _found(desk, since=later) == [new]
    assert _found(desk, until=(moment - timedelta(minutes=1)).isoformat()) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("actor", "nobody@example.com"),
        ("actor", "not-an-id"),
        ("subject", "x@y\0"),
        ("action", "made.up"),
        ("since", "yesterday"),
        ("until", "2026-13-01"),
        ("until", "9999-12-31"),
        ("since", "0001-01-01T00:00:00+14:00"),
        ("address", "300.1.1.1"),
        ("cursor", "x"),
        ("cursor", "9" * 30),
        ("limit", "0"),
    ],
)
def test_wrong_search_is_named_at_its_field(desk: CheckedClient, field: str, value: str) -> None:
    answer = desk.get("/api/admin/audit", query_string={field: value})
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.get_json()["errors"]] == [field]
    assert desk.get("/admin/audit", query_string={field: value}).status_code == 422


def test_largest_cursor_is_no_crash(desk: CheckedClient) -> None:
    [row] = chain.write()
    assert _found(desk, cursor="9" * 19) == [row.id]


def test_cursor_walks_to_the_first_row(desk: CheckedClient) -> None:
    rows = [row.id for row in chain.write(7)]
    seen: list[int] = []
    query = {"limit": "3"}
    while True:
        document = desk.get("/api/admin/audit", query_string=query).get_json()
        seen += [item["id"] for item in document["items"]]
        if document["next_cursor"] is None:
            break
        query["cursor"] = document["next_cursor"]
    assert seen == rows[::-1]


def test_page_names_people_and_keeps_the_search(
    desk: CheckedClient, learner: User, admin: User
) -> None:
    chain.write(3, actor_id=admin.id, subject_id=learner.id, user_agent="<script>alert(1)</script>")
    page = html.parse(desk.get(f"/admin/audit?actor={admin.email}&limit=2").text)
    assert (
        page.select_one("table").find("a", string="Lea Learner")["href"].endswith(str(learner.id))
    )
    [link] = page.select("a[rel=next]")
    assert "actor=admin" in str(link["href"])
    assert not page.select("table script")


def test_export_is_the_whole_search_in_batches(
    desk: CheckedClient, learner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "EXPORT_BATCH", 2)
    rows = [row.id for row in chain.write(5, actor_id=learner.id)]
    header, *lines = _table(desk, actor=learner.email)
    assert [int(line[0]) for line in lines] == rows[::-1]
    named = dict(zip(header, lines[0], strict=True))
    assert (named["action"], named["actor_email"]) == ("session.started", learner.email)
    assert len(named["hash"]) == 64


def test_long_export_streams_from_a_real_server(live_server: LiveServer) -> None:
    """Over several batches, each on a connection of its own, while others are served."""
    for _ in range(2 * audit.EXPORT_BATCH + 1):
        trail.record(Event(Action.SIGNED_IN, ActorKind.SYSTEM))
    token = sessions.start(factories.make_user(Role.ADMIN), ClientInfo(ip=None))
    db.session.commit()
    visitor = Visitor(live_server.url, {"session": token})
    answer = visitor.get("/admin/audit/export?action=session.started")
    assert answer.status == 200
    assert len(list(csv.reader(io.StringIO(answer.text)))) == 1 + 2 * audit.EXPORT_BATCH + 1
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "no-store" in answer.headers["Cache-Control"]
    assert verification.verify().fault is None


def test_what_a_person_did_and_met_is_shown_in_order(
    desk: CheckedClient, learner: User, admin: User
) -> None:
    chain.write(3, actor_id=learner.id, subject_id=learner.id)
    chain.write(2, actor_id=admin.id, subject_id=learner.id)
    rows = chain.write(2, actor_id=admin.id, subject_id=admin.id)
    document = desk.get(f"/api/admin/users/{learner.id}").get_json()
    seen = [event["id"] for event in document["recent_events"]]
    assert seen == [row.id for row in rows[4::-1]]


def test_export_is_noted_without_addresses(desk: CheckedClient, admin: User, learner: User) -> None:
    _table(desk, actor=learner.email, action="session.started")
    [event] = db.session.query(AuditEvent).filter_by(action="audit.exported")
    assert event.actor_id == admin.id
    assert event.detail == {"criteria": {"actor_id": str(learner.id), "action": "session.started"}}
    assert verification.verify().fault is None


@pytest.mark.parametrize(
    "agent",
    ["=HYPERLINK(0)", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\uff1dSUM(A1)", "=cmd|' /C calc'!A0"],
)
def test_no_cell_is_a_formula(desk: CheckedClient, agent: str) -> None:
    chain.write(user_agent=agent)
    header, *lines = _table(desk, action="session.started")
    cell = dict(zip(header, lines[0], strict=True))["user_agent"]
    assert cell == f"'{agent}"


def test_a_cell_cannot_break_out_of_its_place(desk: CheckedClient) -> None:
    chain.write(user_agent='"\r\n"=1+1","x')
    header, *lines = _table(desk, action="session.started")
    assert [len(line) for line in lines] == [len(header)]


def test_export_asks_again_who_it_is(desk: CheckedClient) -> None:
    with shifted(timedelta(minutes=16)):
        answer = desk.get("/admin/audit/export")
    assert answer.status_code == 303
    assert "/account/confirm" in answer.headers["Location"]


@pytest.mark.parametrize("role", [Role.LEARNER, Role.INSTRUCTOR, Role.SUPPORT])
@pytest.mark.parametrize("path", ["/admin/audit", "/admin/audit/export", "/api/admin/audit"])
def test_only_administrators_read_the_trail(client_of: ClientOf, role: Role, path: str) -> None:
    assert client_of(factories.make_user(role)).get(path).status_code == 403


def test_refusal_is_noted_once_a_person_endpoint_and_minute(
    client_of: ClientOf, learner: User, outsider: User
) -> None:
    for person in (learner, outsider):
        client = client_of(person)
        for _ in range(3):
            client.get("/api/admin/courses")
            client.get("/admin/audit")
    noted = [(row.actor_id, row.detail["endpoint"]) for row in chain.rows()]
    assert noted == [
        (person.id, endpoint)
        for person in (learner, outsider)
        for endpoint in ("admin.list_courses", "admin.audit")
    ]
    assert {row.actor_kind for row in chain.rows()} == {ActorKind.PERSON}


def test_refused_act_names_whom_it_was_meant_for(client_of: ClientOf, learner: User) -> None:
    helper = factories.make_user(Role.SUPPORT)
    path = f"/api/admin/users/{learner.id}/role"
    assert client_of(helper).post(path, json={"role": "admin"}).status_code == 403
    [row] = chain.rows()
    assert (row.action, row.actor_id, row.subject_id) == ("access.refused", helper.id, learner.id)
    assert row.detail["method"] == "POST"


def test_visitors_cannot_write_the_trail_at_all(client: CheckedClient) -> None:
    for path in ("/admin", "/api/admin/audit"):
        client.get(path)
    assert chain.rows() == []
