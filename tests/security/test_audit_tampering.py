"""Threat 22: nobody changes the trail in passing, and whoever reaches past the guard is found."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.database import db
from app.domain.accounts import sessions
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import User
from app.domain.audit import verification
from app.domain.audit.verification import Fault, FaultKind
from tests import factories
from tests.domain.audit import chain
from tests.support.http import Visitor
from tests.support.postgres import Server
from tests.support.server import LiveServer

ATTACKS = {
    "changing": "UPDATE audit_events SET action = 'nothing.happened'",
    "touching": "UPDATE audit_events SET action = action",
    "removing": "DELETE FROM audit_events",
    "emptying": "TRUNCATE audit_events",
    "upserting": "INSERT INTO audit_events (id, occurred_at, action, actor_kind, subject_kind,"
    " detail, previous_hash, hash) OVERRIDING SYSTEM VALUE"
    " SELECT id, occurred_at, action, actor_kind, subject_kind, detail, previous_hash, hash"
    " FROM audit_events ON CONFLICT (id) DO UPDATE SET action = 'nothing.happened'",
}
WRITERS = 8
ROUNDS = 5


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_database_refuses(attack: str) -> None:
    before = [row.hash for row in chain.write(3)]
    with pytest.raises(DBAPIError, match="append-only"):
        db.session.execute(text(ATTACKS[attack]))
    db.session.rollback()
    assert [row.hash for row in chain.rows()] == before


def test_the_application_may_not_switch_the_guard_off_as_replication_does() -> None:
    """Triggers sleep for a replica; only a superuser may claim to be one."""
    chain.write(1)
    with pytest.raises(DBAPIError, match="session_replication_role"):
        db.session.execute(text("SET LOCAL session_replication_role = replica"))
    db.session.rollback()


def test_what_a_superuser_changed_behind_the_trigger_is_named(
    committed_app: Flask, postgres: Server
) -> None:
    rows = [row.id for row in chain.write(5)]
    database = db.engine.url.database
    change = f"UPDATE audit_events SET actor_id = gen_random_uuid() WHERE id = {rows[2]}"
    postgres.execute(f"SET session_replication_role = replica; {change}", database)
    assert verification.verify().fault == Fault(FaultKind.CHANGED, rows[2])
    result = committed_app.test_cli_runner().invoke(args=["audit", "verify"])
    assert result.exit_code == 1
    assert f"row {rows[2]}" in result.output


def test_what_a_superuser_cut_off_shows_against_a_kept_head(
    committed_app: Flask, postgres: Server
) -> None:
    rows = [row.id for row in chain.write(5)]
    kept = verification.verify().head
    cut = f"DELETE FROM audit_events WHERE id >= {rows[3]}"
    postgres.execute(f"SET session_replication_role = replica; {cut}", db.engine.url.database)
    assert verification.verify().fault is None
    assert verification.verify(kept).fault == Fault(FaultKind.CUT_OFF, rows[2])


def test_writers_at_once_make_one_chain(committed_app: Flask) -> None:
    def write(_: int) -> None:
        with committed_app.app_context():
            chain.write(ROUNDS)

    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(write, range(WRITERS)))
    verdict = verification.verify()
    assert verdict.fault is None
    assert verdict.head.count == WRITERS * ROUNDS
    followed = Counter(row.previous_hash for row in chain.rows())
    assert set(followed.values()) == {1}, "two rows follow the same one"


def _visitor(server: LiveServer, user: User) -> Visitor:
    token = sessions.start(user, ClientInfo(ip="127.0.0.1", user_agent="race"))
    db.session.commit()
    return Visitor(server.url, {"session": token})


def test_requests_that_read_note_refusals_in_one_chain(
    committed_app: Flask, serve: Callable[..., LiveServer]
) -> None:
    """Reading requests have no transaction of their own; noting something must give them one."""
    server = serve(WEB_WORKERS="2")
    visitors = [_visitor(server, factories.make_user()) for _ in range(WRITERS)]

    def be_refused(visitor: Visitor) -> list[int]:
        paths = ("/api/admin/courses", "/api/admin/media", "/api/admin/users", "/api/admin/audit")
        return [visitor.get(path).status for path in paths]

    with ThreadPoolExecutor(WRITERS) as threads:
        statuses = list(threads.map(be_refused, visitors))
    assert statuses == [[403] * 4] * WRITERS
    db.session.rollback()
    verdict = verification.verify()
    assert verdict.fault is None
    assert verdict.head.count == WRITERS * 4
