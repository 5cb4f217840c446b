"""What staff may do to accounts: the rules, what ends with each act, and races between admins."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from itertools import product

import pytest
from flask import Flask

from app.clock import utcnow
from app.database import db
from app.domain.accounts import one_time, sessions, standing
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import (
    ApiKey,
    Ceremony,
    CeremonyKind,
    LoginSession,
    Role,
    SessionKind,
    TokenPurpose,
    User,
    UserStatus,
)
from app.domain.accounts.standing import Act
from app.errors import Forbidden, LinkInvalid, NotFound
from tests import factories
from tests.support.overlap import overlapping

Doing = Callable[[User, uuid.UUID], object]
DOING: dict[Act, Doing] = {
    Act.SUSPEND: standing.suspend,
    Act.REINSTATE: standing.reinstate,
    Act.CHANGE_ROLE: lambda actor, user_id: standing.change_role(actor, user_id, Role.LEARNER),
    Act.END_SESSIONS: standing.end_sessions,
    Act.RESET_SECOND_FACTOR: standing.reset_second_factor,
}
STAFF = (Role.INSTRUCTOR, Role.SUPPORT, Role.ADMIN)
FORBIDDEN = [
    *product((Role.LEARNER, Role.INSTRUCTOR), Role, Act),
    *product((Role.SUPPORT,), STAFF, Act),
    *product((Role.SUPPORT,), (Role.LEARNER,), (Act.CHANGE_ROLE, Act.RESET_SECOND_FACTOR)),
]
ALLOWED = [
    *product((Role.ADMIN,), Role, Act),
    *product((Role.SUPPORT,), (Role.LEARNER,), sorted(standing.FOR_SUPPORT)),
]
LOCKING = [Act.SUSPEND, Act.CHANGE_ROLE, Act.END_SESSIONS]


def _open_everything(user: User) -> str:
    """Give a person a browser, an API key, half a sign-in and a link; return the link's token."""
    sessions.start(user, ClientInfo(ip="127.0.0.1", user_agent="tests"))
    now = utcnow()
    common = {"user_id": user.id, "expires_at": now + timedelta(days=1)}
    stand = LoginSession(kind=SessionKind.API_KEY, token_hash=uuid.uuid4().bytes, **common)
    db.session.add(stand)
    db.session.flush()
    key = {"login_session_id": stand.id, "name": "k", "secret_hash": b"s", "scopes": []}
    step = {"kind": CeremonyKind.SECOND_STEP, "token_hash": uuid.uuid4().bytes, "challenge": b""}
    db.session.add_all([ApiKey(**key, **common), Ceremony(**step, **common)])
    token = one_time.issue(user.id, TokenPurpose.RESET_PASSWORD, timedelta(hours=1))
    db.session.commit()
    return token


def _open_doors(user: User) -> list[int]:
    """Count a person's live sessions, live keys and sign-ins half done."""
    live = [
        db.session.query(LoginSession).filter_by(user_id=user.id, revoked_at=None),
        db.session.query(ApiKey).filter_by(user_id=user.id, revoked_at=None),
        db.session.query(Ceremony).filter_by(user_id=user.id),
    ]
    return [query.count() for query in live]


@pytest.mark.parametrize(("actor", "target", "act"), FORBIDDEN)
def test_act_is_not_open_to_the_role(actor: Role, target: Role, act: Act) -> None:
    person, other = factories.make_user(actor), factories.make_user(target)
    with pytest.raises(Forbidden):
        DOING[act](person, other.id)
    assert not standing.may(person, other, act)


@pytest.mark.parametrize(("actor", "target", "act"), ALLOWED)
def test_act_is_open_to_the_role(actor: Role, target: Role, act: Act) -> None:
    person, other = factories.make_user(actor), factories.make_user(target)
    DOING[act](person, other.id)
    assert standing.may(person, other, act)


@pytest.mark.parametrize("act", Act)
def test_nobody_acts_on_themselves(admin: User, act: Act) -> None:
    factories.make_user(Role.ADMIN)
    with pytest.raises(Forbidden, match="your own account"):
        DOING[act](admin, admin.id)


@pytest.mark.parametrize("act", Act)
def test_deleted_account_and_unknown_id_are_left_alone(admin: User, act: Act) -> None:
    gone = factories.make_user(status=UserStatus.DELETED)
    with pytest.raises(Forbidden, match="deleted"):
        DOING[act](admin, gone.id)
    with pytest.raises(NotFound):
        DOING[act](admin, uuid.uuid4())


@pytest.mark.parametrize("act", LOCKING)
def test_every_open_door_is_shut(admin: User, learner: User, act: Act) -> None:
    learner.role = Role.INSTRUCTOR
    _open_everything(learner)
    assert _open_doors(learner) == [2, 1, 1]
    assert DOING[act](admin, learner.id)
    assert _open_doors(learner) == [0, 0, 0]


def test_links_in_mails_end_with_a_suspension(admin: User, learner: User) -> None:
    token = _open_everything(learner)
    standing.suspend(admin, learner.id)
    with pytest.raises(LinkInvalid):
        one_time.redeem(token, TokenPurpose.RESET_PASSWORD)


def test_actor_who_was_suspended_meanwhile_does_nothing(admin: User, learner: User) -> None:
    """Their request had begun before; the rows are read again under the lock."""
    db.session.query(User).filter_by(id=admin.id).update(
        {"status": UserStatus.SUSPENDED}, synchronize_session=False
    )
    with pytest.raises(Forbidden):
        standing.suspend(admin, learner.id)


@pytest.mark.parametrize("act", [Act.SUSPEND, Act.CHANGE_ROLE])
def test_two_admins_who_act_on_each_other_leave_one(committed_app: Flask, act: Act) -> None:
    first, second = [factories.make_user(Role.ADMIN).id for _ in range(2)]
    outcomes: list[str] = []

    def attempt(actor_id: uuid.UUID, target_id: uuid.UUID) -> None:
        try:
            DOING[act](db.session.get_one(User, actor_id), target_id)
            outcomes.append("done")
        except Forbidden:
            db.session.rollback()
            outcomes.append("refused")

    overlapping(committed_app, lambda: attempt(first, second), lambda: attempt(second, first))
    assert outcomes == ["done", "refused"]
    admins = db.session.query(User).filter_by(role=Role.ADMIN, status=UserStatus.ACTIVE)
    assert [user.id for user in admins] == [first]
