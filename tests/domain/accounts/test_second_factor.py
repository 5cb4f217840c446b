"""The second factor as a whole: the account says what it has, also when two change it at once."""

import pytest
from flask import Flask

from app.database import db
from app.domain.accounts import recovery_codes, second_factor
from app.domain.accounts.models import Passkey, Role, User
from app.domain.accounts.second_factor import Proof
from app.errors import Forbidden
from tests import factories
from tests.support.apps import made_app
from tests.support.factors import add_app, add_codes, add_key, code_of
from tests.support.overlap import overlapping
from tests.support.soft_key import SoftKey


def _has_one(user: User) -> bool:
    db.session.expire_all()
    return db.session.get_one(User, user.id).second_factor_added_at is not None


def _key_of(user: User) -> Passkey:
    return db.session.query(Passkey).filter_by(user_id=user.id).one()


def test_account_says_what_it_has(learner: User) -> None:
    assert not _has_one(learner)
    add_app(learner)
    assert _has_one(learner)
    add_key(learner)
    second_factor.remove_totp(learner.id)
    assert _has_one(learner)
    second_factor.remove_passkey(learner.id, _key_of(learner).id)
    assert not _has_one(learner)


def test_recovery_codes_go_with_the_last_factor(learner: User) -> None:
    add_app(learner)
    add_key(learner)
    add_codes(learner)
    second_factor.remove_totp(learner.id)
    assert recovery_codes.count_left(learner.id) == 10
    second_factor.remove_passkey(learner.id, _key_of(learner).id)
    assert recovery_codes.count_left(learner.id) == 0


def test_app_and_recovery_codes_prove(learner: User) -> None:
    secret, codes = add_app(learner), add_codes(learner)
    assert second_factor.prove(learner.id, code_of(secret)) is Proof.TOTP
    assert second_factor.prove(learner.id, codes[0]) is Proof.RECOVERY_CODE
    assert second_factor.prove(learner.id, codes[0]) is None
    assert second_factor.check(learner, codes[1])
    assert not second_factor.check(learner, "000000 or so")


def test_somebody_elses_passkey_stays(learner: User, outsider: User) -> None:
    add_key(learner)
    assert second_factor.remove_passkey(outsider.id, _key_of(learner).id) is None
    assert _has_one(learner)


def test_reset_leaves_nothing(learner: User) -> None:
    secret, codes = add_app(learner), add_codes(learner)
    add_key(learner)
    assert second_factor.reset(learner.id)
    assert not _has_one(learner)
    assert second_factor.factors_of(learner.id).is_empty
    assert not second_factor.check(learner, code_of(secret))
    assert not second_factor.check(learner, codes[0])
    assert not second_factor.reset(learner.id)


def test_last_factor_of_who_needs_one_stays(
    environment: dict[str, str], committed_database: str
) -> None:
    values = {**environment, "DATABASE_URL": committed_database, "REQUIRE_MFA": "staff"}
    with made_app(values) as app, app.app_context():
        assert second_factor.is_required(Role.SUPPORT)
        assert not second_factor.is_required(Role.LEARNER)
        admin = factories.make_user(Role.ADMIN)
        add_app(admin)
        with pytest.raises(Forbidden):
            second_factor.remove_totp(admin.id)
        db.session.rollback()
        add_key(admin, SoftKey())
        assert second_factor.remove_totp(admin.id)


def test_removing_both_at_once_leaves_none(committed_app: Flask) -> None:
    """Each alone sees the other one still there."""
    user = factories.make_user()
    user_id = user.id
    add_app(user)
    add_key(user)
    key_id = _key_of(user).id
    overlapping(
        committed_app,
        lambda: second_factor.remove_totp(user_id),
        lambda: second_factor.remove_passkey(user_id, key_id),
    )
    assert db.session.get_one(User, user_id).second_factor_added_at is None
