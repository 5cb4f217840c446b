"""Ceremonies: found by their token only, for ten minutes, five tries, one end."""

from datetime import timedelta

from flask import Flask

from app.clock import shifted
from app.database import db
from app.domain.accounts import ceremonies, second_step
from app.domain.accounts.models import Ceremony, CeremonyKind, User, UserStatus
from tests import factories
from tests.support.overlap import overlapping

STEP = CeremonyKind.SECOND_STEP
SIGN_IN = CeremonyKind.PASSKEY_SIGN_IN


def test_token_finds_its_own_kind_only(learner: User) -> None:
    begun = ceremonies.begin(STEP, learner.id)
    found = ceremonies.find(begun.token, STEP)
    assert found is not None
    assert (found.user_id, found.challenge) == (learner.id, begun.challenge)
    assert ceremonies.find(begun.token, SIGN_IN) is None
    for other in (None, "", "x" * 43, "x" * 4000, begun.token + "x"):
        assert ceremonies.find(other, STEP) is None


def test_token_is_stored_as_a_hash_and_challenges_differ(learner: User) -> None:
    one, other = (ceremonies.begin(SIGN_IN) for _ in range(2))
    assert one.challenge != other.challenge
    assert len(one.challenge) == 32
    rows = db.session.query(Ceremony).all()
    assert not [row for row in rows if one.token.encode() in row.token_hash]


def test_ten_minutes_are_all_there_is(learner: User) -> None:
    begun = ceremonies.begin(SIGN_IN)
    with shifted(timedelta(minutes=9)):
        assert ceremonies.find(begun.token, SIGN_IN) is not None
    with shifted(timedelta(minutes=10, seconds=1)):
        assert ceremonies.find(begun.token, SIGN_IN) is None
        assert ceremonies.use_up(begun.token, SIGN_IN) is None


def test_five_tries_and_one_end(learner: User) -> None:
    token = ceremonies.begin(STEP, learner.id).token
    assert [ceremonies.take_try(token, STEP) is not None for _ in range(6)] == [True] * 5 + [False]
    token = ceremonies.begin(STEP, learner.id).token
    assert ceremonies.use_up(token, STEP) is not None
    assert ceremonies.use_up(token, STEP) is None
    assert ceremonies.take_try(token, STEP) is None


def test_those_long_over_are_swept_away(learner: User) -> None:
    for _ in range(3):
        ceremonies.begin(SIGN_IN)
    with shifted(timedelta(hours=1)):
        ceremonies.begin(SIGN_IN)
        assert db.session.query(Ceremony).count() == 1


def test_step_belongs_to_who_may_still_sign_in(learner: User) -> None:
    token = second_step.begin(learner)
    assert second_step.find(token) is learner
    learner.status = UserStatus.SUSPENDED
    db.session.flush()
    assert second_step.find(token) is None
    assert second_step.take_try(token) is None


def test_two_ends_at_once_have_one_winner(committed_app: Flask) -> None:
    user = factories.make_user()
    token = ceremonies.begin(STEP, user.id).token
    db.session.commit()
    outcomes: list[bool] = []
    overlapping(
        committed_app,
        lambda: outcomes.append(second_step.end(token)),
        lambda: outcomes.append(second_step.end(token)),
    )
    assert sorted(outcomes) == [False, True]


def test_tries_at_once_are_all_counted(committed_app: Flask) -> None:
    user = factories.make_user()
    token = ceremonies.begin(STEP, user.id).token
    db.session.commit()
    for _ in range(2):
        overlapping(
            committed_app,
            lambda: ceremonies.take_try(token, STEP),
            lambda: ceremonies.take_try(token, STEP),
        )
    assert db.session.query(Ceremony).one().tries == 4
