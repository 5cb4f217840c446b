"""Credentials: who gets in, who does not, and that the two kinds of no take as long."""

import pytest
from argon2 import PasswordHasher

from app.database import db
from app.domain.accounts import passwords, users
from app.domain.accounts.credentials import authenticate
from app.domain.accounts.models import User
from app.domain.accounts.passwords import needs_rehash, verify_password
from app.errors import InvalidCredentials
from tests import factories
from tests.factories import PASSWORD


@pytest.fixture
def member() -> User:
    """Somebody with a password."""
    return factories.make_user(email="member@example.com", password=PASSWORD)


@pytest.mark.parametrize("typed", ["member@example.com", " MEMBER@Example.com "])
def test_right_password_lets_its_owner_in(member: User, typed: str) -> None:
    assert authenticate(typed, PASSWORD).id == member.id


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("member@example.com", PASSWORD + "x"),
        ("member@example.com", ""),
        ("member@example.com", PASSWORD + "x" * 1000),
        ("nobody@example.com", PASSWORD),
        ("", PASSWORD),
        ("member\0@example.com", PASSWORD),
        ("member@example.com' OR 1=1 --", PASSWORD),
        ("%", PASSWORD),
    ],
)
def test_everything_else_is_refused_alike(member: User, email: str, password: str) -> None:
    with pytest.raises(InvalidCredentials) as caught:
        authenticate(email, password)
    assert caught.value.detail == InvalidCredentials.detail


def test_account_without_a_password_lets_nobody_in() -> None:
    user = factories.make_user(email="invited@example.com")
    assert user.password_hash is None
    with pytest.raises(InvalidCredentials):
        authenticate("invited@example.com", "")


def test_suspended_person_is_told_nothing_more(member: User) -> None:
    users.suspend(member)
    with pytest.raises(InvalidCredentials):
        authenticate("member@example.com", PASSWORD)


@pytest.mark.parametrize("email", ["member@example.com", "nobody@example.com"])
def test_one_password_is_compared_for_known_and_unknown(
    member: User, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []
    matches = passwords._matches

    def count(password_hash: str, password: str) -> bool:
        compared.append(password_hash)
        return matches(password_hash, password)

    monkeypatch.setattr(passwords, "_matches", count)
    with pytest.raises(InvalidCredentials):
        authenticate(email, "wrong but long enough")
    assert len(compared) == 1


def test_old_hash_is_renewed_when_its_owner_signs_in(member: User) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1)
    member.password_hash = weak.hash(PASSWORD)
    db.session.commit()
    authenticate("member@example.com", PASSWORD)
    db.session.commit()
    assert member.password_hash is not None
    assert not needs_rehash(member.password_hash)
    assert verify_password(member.password_hash, PASSWORD)


def test_wrong_password_does_not_renew_a_hash(member: User) -> None:
    member.password_hash = old = PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD)
    db.session.commit()
    with pytest.raises(InvalidCredentials):
        authenticate("member@example.com", "wrong but long enough")
    assert member.password_hash == old
