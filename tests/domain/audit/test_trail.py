"""Writing the trail: every value comes back as it was hashed, and only in a transaction."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from app.database import db, read_alone, write_together
from app.domain.accounts.models import User
from app.domain.audit import trail, verification
from app.domain.audit.actions import Action
from app.domain.audit.trail import FIRST_HASH, ActorKind, Event
from tests import factories
from tests.domain.audit import chain
from tests.support.overlap import overlapping


@pytest.fixture
def reading() -> Iterator[None]:
    """A session as requests that only read have it."""
    read_alone()
    yield
    write_together()


def test_each_row_is_bound_to_the_one_before() -> None:
    first, second, third = chain.write(3)
    assert first.previous_hash == FIRST_HASH
    assert second.previous_hash == first.hash
    assert third.previous_hash == second.hash
    assert len({first.hash, second.hash, third.hash}) == 3


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "::102:304", "2001:db8:0:0:1::1", "fe80::1", None]
)
def test_any_spelling_of_an_address_keeps_its_hash(address: str | None) -> None:
    chain.write(ip_address=address)
    assert verification.verify().fault is None


@pytest.mark.parametrize(
    "value",
    [
        "ሰላም",
        "nul \0 byte",
        "half a pair \ud800",
        "long " * 1000,
        10**15,
        True,
        None,
        uuid.UUID(int=7),
        datetime(2026, 11, 23, tzinfo=UTC),
        Action.SIGNED_IN,
        ["b", {"deep": [1, None]}],
        {"b", "a"},
    ],
    ids=repr,
)
def test_whatever_is_noted_comes_back_as_it_was_hashed(value: object) -> None:
    trail.record(Event(Action.SIGNED_IN, ActorKind.SYSTEM, detail={"value": value}))
    trail.record(Event(Action.SIGNED_OUT, ActorKind.SYSTEM, user_agent="odd \0 agent \udfff"))
    db.session.commit()
    assert verification.verify().fault is None
    assert len(str(chain.rows()[0].detail["value"])) <= 600


def test_a_fraction_has_no_one_spelling_and_is_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        trail.record(Event(Action.SIGNED_IN, ActorKind.SYSTEM, detail={"ratio": 0.1}))


def test_nothing_is_noted_outside_of_a_transaction(reading: None) -> None:
    """The lock would be gone before the row is there, and two rows would follow one."""
    with pytest.raises(RuntimeError, match="transaction"):
        trail.record(Event(Action.SIGNED_IN, ActorKind.SYSTEM))


def test_what_is_rolled_back_was_never_noted() -> None:
    chain.write(2)
    trail.record(Event(Action.SIGNED_IN, ActorKind.SYSTEM))
    db.session.rollback()
    assert len(chain.write(1)) == 3
    assert verification.verify().fault is None


def test_a_savepoint_that_fails_takes_nothing_back() -> None:
    user = factories.make_user()
    trail.record(Event(Action.SIGNED_IN, ActorKind.SYSTEM))
    twice = User(email=user.email, name="Twice")
    savepoint = db.session.begin_nested()
    db.session.add(twice)
    with pytest.raises(IntegrityError):
        db.session.flush()
    savepoint.rollback()
    with db.session.begin_nested():
        trail.record(Event(Action.SIGNED_OUT, ActorKind.SYSTEM))
    db.session.commit()
    assert [row.action for row in chain.rows()] == ["session.started", "session.ended"]
    assert verification.verify().fault is None


def test_noting_early_makes_nobody_wait(committed_app: Flask) -> None:
    """The lock is taken at the commit, so what a request does after noting holds nobody up."""
    order: list[str] = []

    def first() -> None:
        trail.record(Event(Action.SIGNED_IN, ActorKind.SYSTEM))
        order.append("noted")

    def second() -> None:
        trail.record(Event(Action.SIGNED_OUT, ActorKind.SYSTEM))
        db.session.commit()
        order.append("committed elsewhere")

    overlapping(committed_app, first, second)
    assert order == ["noted", "committed elsewhere"]
    assert [row.action for row in chain.rows()] == ["session.ended", "session.started"]
    assert verification.verify().fault is None
