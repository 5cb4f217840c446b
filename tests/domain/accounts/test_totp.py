"""Codes of an authenticator app: which count, and that each counts once."""

from datetime import timedelta

import pytest
from flask import Flask

from app.clock import shifted
from app.database import db
from app.domain.accounts import totp
from app.domain.accounts.models import User
from app.errors import InvalidInput
from tests import factories
from tests.support.factors import add_app, code_of
from tests.support.overlap import overlapping


def test_code_of_this_half_minute_counts_once(learner: User) -> None:
    secret = add_app(learner)
    assert totp.accept(learner.id, code_of(secret))
    assert not totp.accept(learner.id, code_of(secret))


@pytest.mark.parametrize(("steps", "is_accepted"), [(-2, False), (0, True), (1, True), (2, False)])
def test_clock_may_be_half_a_minute_off(learner: User, steps: int, is_accepted: bool) -> None:
    secret = add_app(learner)
    assert totp.accept(learner.id, code_of(secret, steps)) is is_accepted


def test_code_from_before_the_last_one_is_refused(learner: User) -> None:
    secret = add_app(learner)
    earlier = code_of(secret)
    assert totp.accept(learner.id, code_of(secret, 1))
    assert not totp.accept(learner.id, earlier)


def test_code_that_confirmed_the_app_signs_nobody_in(learner: User) -> None:
    secret = totp.new_secret()
    code = code_of(secret)
    totp.add(learner.id, secret, code)
    assert not totp.accept(learner.id, code)


def test_code_of_somebody_else_is_wrong(learner: User, outsider: User) -> None:
    add_app(learner)
    assert not totp.accept(learner.id, code_of(add_app(outsider)))


@pytest.mark.parametrize("typed", ["{0} {1}", " {0}{1}\n", "{0}-{1}", "{0}\u2009{1}"])
def test_spaces_and_dashes_do_not_matter(learner: User, typed: str) -> None:
    code = code_of(add_app(learner))
    assert totp.accept(learner.id, typed.format(code[:3], code[3:]))


@pytest.mark.parametrize(
    "typed", ["", "12345", "1234567", "abcdef", "²³⁴⁵⁶x", "\0" * 6, "9" * 5000]
)
def test_nonsense_is_no_code(learner: User, typed: str) -> None:
    add_app(learner)
    assert not totp.accept(learner.id, typed)


def test_wrong_code_sets_nothing_up(learner: User) -> None:
    secret = totp.new_secret()
    wrong = f"{(int(code_of(secret)) + 1) % 10**6:06d}"
    near = {code_of(secret, steps) for steps in (-1, 0, 1)}
    assert wrong not in near
    with pytest.raises(InvalidInput):
        totp.add(learner.id, secret, wrong)
    assert db.session.get_one(User, learner.id).second_factor_added_at is None


def test_secret_is_not_stored_as_it_is(learner: User) -> None:
    secret = add_app(learner)
    sealed = db.session.get_one(User, learner.id).totp_sealed
    assert sealed is not None
    assert secret.encode() not in sealed


def test_secret_of_one_account_is_of_no_use_in_another(learner: User, outsider: User) -> None:
    """Who can write to the table cannot give somebody the secret of their own app."""
    secret = add_app(learner)
    add_app(outsider)
    row = db.session.get_one(User, outsider.id)
    row.totp_sealed = db.session.get_one(User, learner.id).totp_sealed
    db.session.commit()
    assert not totp.accept(outsider.id, code_of(secret, 1))


def test_newer_app_takes_the_place_of_the_older(learner: User) -> None:
    old = add_app(learner)
    new = totp.new_secret()
    with shifted(timedelta(minutes=2)):
        totp.add(learner.id, new, code_of(new))
        assert not totp.accept(learner.id, code_of(old, 1))
        assert totp.accept(learner.id, code_of(new, 1))


def test_two_uses_of_one_code_at_once_have_one_winner(committed_app: Flask) -> None:
    user = factories.make_user()
    code = code_of(add_app(user))
    user_id = user.id
    outcomes: list[bool] = []
    overlapping(
        committed_app,
        lambda: outcomes.append(totp.accept(user_id, code)),
        lambda: outcomes.append(totp.accept(user_id, code)),
    )
    assert sorted(outcomes) == [False, True]
