"""Recovery codes: ten, random, good once, gone when newer ones are made."""

import pytest
from flask import Flask

from app.database import db
from app.domain.accounts import recovery_codes
from app.domain.accounts.models import RecoveryCode, User
from tests import factories
from tests.support.factors import add_codes
from tests.support.overlap import overlapping


def test_ten_different_ones_are_made(learner: User) -> None:
    codes = add_codes(learner)
    assert len(set(codes)) == 10
    assert recovery_codes.count_left(learner.id) == 10


def test_each_counts_once(learner: User) -> None:
    first, second, *_ = add_codes(learner)
    assert recovery_codes.use(learner.id, first)
    assert not recovery_codes.use(learner.id, first)
    assert recovery_codes.use(learner.id, second)
    assert recovery_codes.count_left(learner.id) == 8


def test_newer_ones_replace_the_older(learner: User) -> None:
    old = add_codes(learner)
    add_codes(learner)
    assert not recovery_codes.use(learner.id, old[0])
    assert recovery_codes.count_left(learner.id) == 10


def test_those_of_somebody_else_are_wrong(learner: User, outsider: User) -> None:
    add_codes(learner)
    assert not recovery_codes.use(learner.id, add_codes(outsider)[0])


def test_misread_letters_and_spacing_do_not_matter(learner: User) -> None:
    code = next(c for _ in range(50) for c in add_codes(learner) if "0" in c and "1" in c)
    typed = code.replace("0", "o").replace("1", "l").replace("-", " ").lower()
    assert recovery_codes.use(learner.id, f" {typed} ")


@pytest.mark.parametrize("typed", ["", "-" * 24, "A" * 23, "A" * 25, "U" * 24, "\0" * 24, "É" * 24])
def test_nonsense_is_no_code(learner: User, typed: str) -> None:
    add_codes(learner)
    assert not recovery_codes.use(learner.id, typed)


def test_only_hashes_are_stored(learner: User) -> None:
    codes = add_codes(learner)
    stored = b"".join(row.code_hash for row in db.session.query(RecoveryCode))
    assert len(stored) == 320
    assert not [code for code in codes if code.replace("-", "").encode() in stored]


def test_two_uses_of_one_code_at_once_have_one_winner(committed_app: Flask) -> None:
    user = factories.make_user()
    code = add_codes(user)[0]
    user_id = user.id
    outcomes: list[bool] = []
    overlapping(
        committed_app,
        lambda: outcomes.append(recovery_codes.use(user_id, code)),
        lambda: outcomes.append(recovery_codes.use(user_id, code)),
    )
    assert sorted(outcomes) == [False, True]
