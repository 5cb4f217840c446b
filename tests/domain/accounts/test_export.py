"""Exports and deletions under real commits: two at once are put in a row by the database."""

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import db
from app.domain.accounts import deletion, export
from app.domain.accounts.models import DataExport, Role, User
from app.errors import DeletionRefused
from tests.support.overlap import overlapping


def _person(role: Role = Role.LEARNER, email: str = "zora@example.com") -> User:
    user = User(email=email, name="Zora", role=role)
    db.session.add(user)
    db.session.commit()
    return user


def test_two_requests_at_once_make_one_export(committed_app: Flask) -> None:
    user_id = _person().id
    answers: list[bool] = []

    def ask() -> None:
        answers.append(export.request(user_id)[1])

    overlapping(committed_app, ask, ask)
    assert sorted(answers) == [False, True]
    assert len(db.session.scalars(select(DataExport)).all()) == 1


def test_of_two_administrators_who_go_at_once_one_stays(committed_app: Flask) -> None:
    """Each sees the other until the first has gone."""
    ids = [_person(Role.ADMIN, f"{name}@example.com").id for name in ("ada", "bea")]
    refused: list[bool] = []

    def go(user_id: object) -> None:
        user = db.session.get_one(User, user_id)
        try:
            deletion.require_dispensable(user)
        except DeletionRefused:
            refused.append(True)
            return
        deletion.erase(user)

    overlapping(committed_app, lambda: go(ids[0]), lambda: go(ids[1]))
    assert refused == [True]


@pytest.mark.parametrize("cancels_first", [True, False])
def test_change_of_mind_and_erasure_do_not_mix(committed_app: Flask, cancels_first: bool) -> None:
    user = _person()
    user.deletion_due_at = user.created_at
    db.session.commit()
    user_id = user.id
    kept: list[bool] = []

    def cancel() -> None:
        kept.append(deletion.cancel(db.session.get_one(User, user_id)))

    def erase() -> None:
        due = deletion.get_due(user_id)
        if due is not None:
            deletion.erase(due)

    acts = (cancel, erase) if cancels_first else (erase, cancel)
    overlapping(committed_app, *acts)
    is_there = db.session.get_one(User, user_id).name == "Zora"
    assert kept == [is_there]
    assert is_there is cancels_first
