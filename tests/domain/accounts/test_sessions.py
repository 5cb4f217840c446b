"""Login sessions: who a token stands for, until when, and in one query."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from app import clock
from app.database import db
from app.domain.accounts import sessions, users
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import LoginSession, Role, User

CLIENT = ClientInfo("203.0.113.5", "tests")


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the SQL that the block sends."""
    seen: list[str] = []
    connection = db.session.connection()

    def note(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(connection, "before_cursor_execute", note)


def test_token_stands_for_its_user(learner: User) -> None:
    found = sessions.find_signed_in(sessions.start(learner, CLIENT))
    assert found is not None
    assert (found.id, found.email, found.name) == (learner.id, learner.email, learner.name)
    assert found.role is Role.LEARNER
    assert not found.is_staff
    assert found.get_id() == str(learner.id)


def test_only_the_hash_of_the_token_is_stored(learner: User) -> None:
    token = sessions.start(learner, CLIENT)
    row = db.session.scalars(select(LoginSession)).one()
    assert row.token_hash == sessions.hash_token(token)
    assert token.encode() not in row.token_hash
    assert len(token) >= 43  # 256 bits in base64
    assert (str(row.ip_address), row.user_agent) == ("203.0.113.5", "tests")


def test_tokens_never_repeat(learner: User) -> None:
    assert len({sessions.start(learner, CLIENT) for _ in range(20)}) == 20


def test_lookup_is_one_query_and_loads_no_rows_into_the_session(learner: User) -> None:
    token = sessions.start(learner, CLIENT)
    db.session.commit()
    db.session.expunge_all()
    with statements() as seen:
        assert sessions.find_signed_in(token) is not None
    assert len(seen) == 1
    assert not list(db.session.identity_map)


@pytest.mark.parametrize("token", ["", "nonsense", "x" * 100_000, "\ud800", "\0", "'; --"])
def test_unknown_token_stands_for_nobody(learner: User, token: str) -> None:
    sessions.start(learner, CLIENT)
    assert sessions.find_signed_in(token) is None


def test_ended_session_is_refused_and_others_go_on(learner: User) -> None:
    first, second = sessions.start(learner, CLIENT), sessions.start(learner, CLIENT)
    found = sessions.find_signed_in(first)
    assert found is not None
    sessions.end(found.session_id)
    sessions.end(found.session_id)
    assert sessions.find_signed_in(first) is None
    assert sessions.find_signed_in(second) is not None


def test_all_sessions_but_this_one_can_be_ended(learner: User, outsider: User) -> None:
    here, there = sessions.start(learner, CLIENT), sessions.start(learner, CLIENT)
    stranger = sessions.start(outsider, CLIENT)
    this = sessions.find_signed_in(here)
    assert this is not None
    assert sessions.end_all(learner.id, except_session_id=this.session_id) == 1
    assert sessions.find_signed_in(here) is not None
    assert sessions.find_signed_in(there) is None
    assert sessions.find_signed_in(stranger) is not None


def test_suspension_counts_from_the_next_request_on(learner: User) -> None:
    token = sessions.start(learner, CLIENT)
    assert users.suspend(learner) == 1
    assert sessions.find_signed_in(token) is None
    users.reinstate(learner)
    assert sessions.find_signed_in(token) is None, "a suspension ends the sign-ins for good"


def test_changed_role_counts_from_the_next_request_on(learner: User) -> None:
    token = sessions.start(learner, CLIENT)
    learner.role = Role.ADMIN
    db.session.flush()
    found = sessions.find_signed_in(token)
    assert found is not None
    assert found.role is Role.ADMIN


def test_idle_session_ends_after_thirty_days(learner: User) -> None:
    token = sessions.start(learner, CLIENT)
    with clock.shifted(timedelta(days=29, hours=23)):
        assert sessions.find_signed_in(token) is not None
    with clock.shifted(timedelta(days=30, seconds=1)):
        assert sessions.find_signed_in(token) is None


def test_use_keeps_a_session_alive_but_not_for_ever(learner: User) -> None:
    token = sessions.start(learner, CLIENT)
    for day in range(20, 180, 20):
        with clock.shifted(timedelta(days=day)):
            found = sessions.find_signed_in(token)
            assert found is not None, f"day {day}"
            assert sessions.touch(found)
    with clock.shifted(timedelta(days=180, seconds=1)):
        assert sessions.find_signed_in(token) is None


def test_use_is_noted_once_a_minute(learner: User) -> None:
    token = sessions.start(learner, CLIENT)
    fresh = sessions.find_signed_in(token)
    assert fresh is not None
    with statements() as seen:
        assert not sessions.touch(fresh)
    assert seen == []
    with clock.shifted(timedelta(seconds=61)):
        assert sessions.touch(fresh)
        assert not sessions.touch(fresh), "a request that raced with it must not write again"


def test_rotation_ends_what_the_browser_had_before(learner: User, outsider: User) -> None:
    planted = sessions.start(outsider, CLIENT)
    fresh = sessions.rotate(learner, CLIENT, planted)
    assert sessions.find_signed_in(planted) is None
    found = sessions.find_signed_in(fresh)
    assert found is not None
    assert found.id == learner.id


def test_devices_are_listed_latest_first(learner: User, outsider: User) -> None:
    sessions.start(outsider, CLIENT)
    sessions.start(learner, ClientInfo("203.0.113.5", "older"))
    with clock.shifted(timedelta(minutes=5)):
        sessions.start(learner, ClientInfo(None, "newer"))
        assert [one.user_agent for one in sessions.list_live(learner.id)] == ["newer", "older"]


def test_longest_unused_sessions_make_room(learner: User) -> None:
    tokens = []
    for minute in range(sessions.MAX_LIVE_SESSIONS + 2):
        with clock.shifted(timedelta(minutes=minute)):
            tokens.append(sessions.start(learner, CLIENT))
    alive = [sessions.find_signed_in(token) is not None for token in tokens]
    assert alive == [False, False] + [True] * sessions.MAX_LIVE_SESSIONS
