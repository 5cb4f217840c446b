"""Registration: what an account needs, and that known and new addresses look alike."""

import threading

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.database import db
from app.domain.accounts.models import Role, User, UserStatus
from app.domain.accounts.passwords import verify_password
from app.domain.accounts.registration import create_account, register
from app.domain.accounts.users import find_by_email
from app.errors import InvalidInput

PASSWORD = "seven blue looms"


def test_new_person_becomes_an_active_learner() -> None:
    register(" Lea@Example.com", PASSWORD, "  Lea   Learner ")
    user = find_by_email("lea@example.com")
    assert user is not None
    assert (user.name, user.role, user.status) == ("Lea Learner", Role.LEARNER, UserStatus.ACTIVE)
    assert user.email == "lea@example.com"
    assert verify_password(user.password_hash, PASSWORD)


def test_known_address_keeps_its_account() -> None:
    register("lea@example.com", PASSWORD, "Lea")
    register("LEA@example.com", "another long password", "Mallory")
    user = find_by_email("lea@example.com")
    assert user is not None
    assert user.name == "Lea"
    assert verify_password(user.password_hash, PASSWORD)


@pytest.mark.parametrize(
    ("email", "password", "name", "blamed"),
    [
        ("nowhere", PASSWORD, "Lea", {"email"}),
        ("lea@example.com", "short", "Lea", {"password"}),
        ("lea@example.com", PASSWORD, "   ", {"name"}),
        ("lea@example.com", PASSWORD, "x" * 101, {"name"}),
        ("lea@example.com", PASSWORD, "Le\0a", {"name"}),
        ("lea@example.com", PASSWORD, "Le\u202ea", {"name"}),
        ("nowhere", "short", "", {"email", "password", "name"}),
    ],
)
def test_every_wrong_field_is_named(email: str, password: str, name: str, blamed: set[str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        register(email, password, name)
    assert set(caught.value.fields) == blamed
    assert find_by_email(email) is None


def test_operator_creates_an_account_of_any_role() -> None:
    user = create_account("boss@example.com", PASSWORD, "Boss", Role.ADMIN)
    assert user.role is Role.ADMIN


def test_operator_is_told_that_an_account_exists() -> None:
    create_account("boss@example.com", PASSWORD, "Boss", Role.ADMIN)
    with pytest.raises(InvalidInput) as caught:
        create_account("Boss@example.com", PASSWORD, "Boss", Role.ADMIN)
    assert set(caught.value.fields) == {"email"}


def test_two_sign_ups_at_once_make_one_account(committed_app: Flask) -> None:
    """Both have looked before either has written: the unique key decides, nobody fails."""
    start = threading.Barrier(2)
    failures: list[Exception] = []

    def sign_up(name: str) -> None:
        with committed_app.app_context():
            start.wait(10)
            try:
                register("race@example.com", PASSWORD, name)
                db.session.commit()
            except Exception as error:  # noqa: BLE001
                failures.append(error)

    threads = [threading.Thread(target=sign_up, args=(name,)) for name in ("One", "Two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    with committed_app.app_context():
        same = User.email == "race@example.com"
        assert db.session.scalar(select(func.count()).where(same)) == 1
