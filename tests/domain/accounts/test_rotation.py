"""Rotation in place: a session goes on under another token, and the old one is told apart."""

import threading
import uuid
from datetime import timedelta

import pytest
from flask import Flask

from app import clock
from app.database import db
from app.domain.accounts import sessions
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import LoginSession, SessionKind, User
from app.domain.accounts.sessions import SignedIn
from app.errors import SignInRequired
from tests import factories

CLIENT = ClientInfo("203.0.113.5", "tests")


def _found(token: str) -> SignedIn:
    found = sessions.find_signed_in(token)
    assert found is not None
    return found


@pytest.fixture
def token(learner: User) -> str:
    """The token of a session of `learner`."""
    return sessions.start(learner, CLIENT)


def test_session_goes_on_under_the_new_token(token: str) -> None:
    before = _found(token)
    fresh = sessions.rotate_in_place(before.session_id)
    after = _found(fresh)
    assert fresh != token
    assert after.session_id == before.session_id
    assert not after.is_superseded
    assert after.authenticated_at == before.authenticated_at, "nobody has shown who they are"


def test_proof_counts_for_the_next_step_up(token: str) -> None:
    with clock.shifted(timedelta(minutes=20)):
        fresh = sessions.rotate_in_place(_found(token).session_id, is_proof=True)
        found = _found(fresh)
        assert clock.utcnow() - found.authenticated_at < timedelta(seconds=5)
        assert found.second_factor_at is None
        fresh = sessions.rotate_in_place(found.session_id, is_second_factor=True)
        assert _found(fresh).second_factor_at is not None


def test_parallel_requests_of_one_page_still_get_through(token: str) -> None:
    session_id = _found(token).session_id
    sessions.rotate_in_place(session_id, is_proof=True)
    with clock.shifted(timedelta(seconds=59)):
        late = _found(token)
        assert late.session_id == session_id
        assert late.is_superseded
        assert late.authenticated_at == sessions.LONG_AGO, "an old token proves nothing"
        assert sessions.end_reused(token) is None


def test_old_token_shown_later_ends_the_whole_session(token: str, learner: User) -> None:
    session_id = _found(token).session_id
    fresh = sessions.rotate_in_place(session_id)
    with clock.shifted(timedelta(seconds=61)):
        assert sessions.find_signed_in(token) is None
        assert sessions.find_signed_in(fresh) is not None
        assert sessions.end_reused(token) == sessions.ReusedSession(session_id, learner.id)
        assert sessions.find_signed_in(fresh) is None
        assert sessions.end_reused(token) is None, "it is told once"


@pytest.mark.parametrize("noise", ["", "x", "a" * 4000])
def test_unknown_token_ends_nothing(token: str, noise: str) -> None:
    sessions.rotate_in_place(_found(token).session_id)
    with clock.shifted(timedelta(minutes=5)):
        assert sessions.end_reused(noise) is None


def test_ended_session_is_not_rotated(token: str) -> None:
    session_id = _found(token).session_id
    sessions.end(session_id)
    with pytest.raises(SignInRequired):
        sessions.rotate_in_place(session_id)
    with pytest.raises(SignInRequired):
        sessions.rotate_in_place(uuid.uuid4())


def test_signing_in_ends_the_session_of_a_replaced_token_too(token: str, learner: User) -> None:
    fresh = sessions.rotate_in_place(_found(token).session_id)
    sessions.rotate(learner, CLIENT, token)
    assert sessions.find_signed_in(fresh) is None


def test_two_rotations_at_once_leave_one_token_that_works(committed_app: Flask) -> None:
    with committed_app.app_context():
        token = sessions.start(factories.make_user(), CLIENT)
        db.session.commit()
        session_id = _found(token).session_id
    made: list[str] = []
    start = threading.Barrier(2)

    def rotate() -> None:
        with committed_app.app_context():
            start.wait(10)
            made.append(sessions.rotate_in_place(session_id))
            db.session.commit()

    threads = [threading.Thread(target=rotate) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with committed_app.app_context():
        found = [sessions.find_signed_in(one) for one in made]
        assert sorted(one is not None and one.is_superseded for one in found) == [False, True]
        assert sessions.find_signed_in(token) is None


def test_ending_can_be_confined_to_browsers(token: str, learner: User) -> None:
    key = LoginSession(
        token_hash=b"k" * 32,
        user_id=learner.id,
        kind=SessionKind.API_KEY,
        expires_at=clock.utcnow() + timedelta(days=1),
    )
    db.session.add(key)
    db.session.flush()
    assert sessions.end_all(learner.id, kind=SessionKind.BROWSER) == 1
    db.session.refresh(key)
    assert key.revoked_at is None
    assert sessions.end_all(learner.id) == 1
