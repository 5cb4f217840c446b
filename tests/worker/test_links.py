"""The worker's part in mailed links: who gets which mail, and who gets none."""

from uuid import UUID, uuid4

import pytest
from flask import Flask
from procrastinate import App
from sqlalchemy import text

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import OneTimeToken, User, UserStatus
from app.domain.accounts.recovery import SEND_LINK_TASK, queue_link
from app.domain.accounts.verification import ANSWER_SIGN_UP_TASK
from app.domain.outbox.mail import MAIL_QUEUE
from app.domain.outbox.models import Mail
from app.worker import tasks
from tests import factories


@pytest.fixture
def queue(app: Flask) -> App:
    """The worker's queue, never opened: its tasks are called as functions."""
    return tasks.build(app)


def _sent() -> list[tuple[str, str, str | None]]:
    db.session.expire_all()
    rows = db.session.query(Mail).order_by(Mail.created_at)
    return [(mail.to_email, mail.template, mail.locale) for mail in rows]


def _run(queue: App, task: str, user_id: UUID, **more: object) -> None:
    queue.tasks[task](user_id=str(user_id), **{"locale": "am", **more})


def test_new_person_is_asked_and_known_one_told(queue: App, learner: User) -> None:
    _run(queue, ANSWER_SIGN_UP_TASK, learner.id, is_new=True)
    _run(queue, ANSWER_SIGN_UP_TASK, learner.id, is_new=False)
    assert _sent() == [
        (learner.email, "verify_email", "am"),
        (learner.email, "already_registered", "am"),
    ]


def test_own_language_goes_before_the_browsers(queue: App) -> None:
    user = factories.make_user(locale="en")
    _run(queue, SEND_LINK_TASK, user.id)
    assert _sent() == [(user.email, "reset_password", "en")]


def test_second_run_leaves_one_link_that_works(queue: App, learner: User) -> None:
    """A worker killed after its commit is followed by one that does the job again."""
    for _ in range(2):
        _run(queue, SEND_LINK_TASK, learner.id)
    assert db.session.query(OneTimeToken).filter_by(used_at=None).count() == 1


def test_verified_person_is_not_asked_again(queue: App) -> None:
    user = factories.make_user(email_verified_at=utcnow())
    _run(queue, ANSWER_SIGN_UP_TASK, user.id, is_new=True)
    assert _sent() == []


@pytest.mark.parametrize("status", [UserStatus.SUSPENDED, UserStatus.DELETED])
def test_nobody_and_those_locked_out_get_nothing(queue: App, status: UserStatus) -> None:
    user = factories.make_user(status=status)
    for user_id in (user.id, uuid4()):
        _run(queue, SEND_LINK_TASK, user_id)
        _run(queue, ANSWER_SIGN_UP_TASK, user_id, is_new=True)
        _run(queue, ANSWER_SIGN_UP_TASK, user_id, is_new=False)
    assert _sent() == []
    assert db.session.query(OneTimeToken).count() == 0


def test_job_names_nobody_by_address(learner: User) -> None:
    """The queue's log shows arguments; known and unknown look alike in it."""
    queue_link(learner.email, "en")
    queue_link("nobody@example.com", "en")
    rows = db.session.execute(text("SELECT queue_name, args FROM procrastinate_jobs")).all()
    assert [row.queue_name for row in rows] == [MAIL_QUEUE] * 2
    assert [set(row.args) for row in rows] == [{"user_id", "locale"}] * 2
    assert [UUID(row.args["user_id"]).version for row in rows] == [4, 4]
    assert "example.com" not in str(rows)
