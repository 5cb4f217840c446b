"""People: looked up in any spelling, counted, suspended."""

import uuid

import pytest

from app.domain.accounts.models import Role, UserStatus
from app.domain.accounts.users import count_users, find_by_email, get_user, suspend
from app.errors import NotFound
from tests import factories


def test_person_is_found_in_any_spelling() -> None:
    user = factories.make_user(email="Mixed@Example.com")
    assert find_by_email(" mixed@EXAMPLE.com") is user
    assert find_by_email("other@example.com") is None


def test_unknown_person_is_not_found() -> None:
    with pytest.raises(NotFound):
        get_user(uuid.uuid4())


def test_people_are_counted_by_what_they_may_do() -> None:
    before = count_users()
    suspend(factories.make_user())
    factories.make_user(Role.INSTRUCTOR)
    factories.make_user(Role.ADMIN)
    after = count_users()
    assert after.total - before.total == 3
    assert after.learners - before.learners == 1
    assert after.staff - before.staff == 2
    assert after.suspended - before.suspended == 1


def test_suspended_person_says_so() -> None:
    user = factories.make_user()
    suspend(user)
    assert user.status is UserStatus.SUSPENDED
