"""The mail job: sent once, tried again for a day, given up at once where nothing can help."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import text

from app.clock import utcnow
from app.config import Environment
from app.database import db
from app.domain.outbox import mail as outbox
from app.domain.outbox.models import Mail
from app.errors import MailFailed, MailRefused
from app.integrations.mailer import Message
from app.worker import mail as worker
from app.worker.retries import RunAgain
from tests import factories

pytestmark = pytest.mark.usefixtures("committed_app")
ADDRESS = "lea.secret@example.com"
LINK = "http://localhost/auth/reset/one-time-secret"


class Postman:
    """A vendor that takes mails, or answers with `fault`."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.fault: Exception | None = None

    def send(self, message: Message) -> None:
        assert not db.session().in_transaction(), "a transaction is open while a vendor works"
        if self.fault is not None:
            raise self.fault
        self.taken.append(message)


@pytest.fixture
def postman(committed_app: Flask, monkeypatch: pytest.MonkeyPatch) -> Postman:
    postman = Postman()
    integrations = replace(committed_app.extensions["integrations"], mailer=postman)
    monkeypatch.setitem(committed_app.extensions, "integrations", integrations)
    return postman


@contextmanager
def in_environment(app: Flask, environment: Environment) -> Iterator[None]:
    before = app.extensions["settings"]
    app.extensions["settings"] = before.model_copy(update={"app_env": environment})
    try:
        yield
    finally:
        app.extensions["settings"] = before


@pytest.fixture
def mail_id() -> UUID:
    values = {"name": "Lea", "link": LINK, "minutes": 30}
    mail = outbox.write(ADDRESS, "reset_password", None, **values)
    db.session.commit()
    return mail.id


def row(mail_id: UUID) -> Mail:
    db.session.rollback()
    return db.session.get_one(Mail, mail_id, populate_existing=True)


def test_a_mail_is_written_and_handed_over(postman: Postman, mail_id: UUID) -> None:
    worker.deliver(mail_id)
    [message] = postman.taken
    assert (message.key, message.to) == (str(mail_id), ADDRESS)
    assert message.subject == "Set a new password"
    assert LINK in message.text
    assert f'href="{LINK}"' in message.html
    mail = row(mail_id)
    assert mail.sent_at is not None
    assert (mail.attempts, mail.failed_at, mail.last_error) == (1, None, None)


def test_a_mail_sent_already_is_not_sent_again(postman: Postman, mail_id: UUID) -> None:
    """The queue runs a job again when a worker died after its commit."""
    worker.deliver(mail_id)
    worker.deliver(mail_id)
    assert len(postman.taken) == 1
    assert row(mail_id).attempts == 1


def test_a_worker_lost_before_its_commit_sends_the_same_message_again(
    postman: Postman, mail_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one way to a second copy; its key, and so its Message-ID, is the first one's."""

    def die(mail: Mail) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "finish", die)
        with pytest.raises(KeyboardInterrupt):
            worker.deliver(mail_id)
    db.session.remove()
    worker.deliver(mail_id)
    first, second = postman.taken
    assert first == second
    assert row(mail_id).attempts == 2


def test_a_mail_that_is_gone_is_no_error(postman: Postman) -> None:
    worker.deliver(uuid4())
    assert postman.taken == []


def test_a_vendor_that_is_away_is_asked_for_a_day(postman: Postman, mail_id: UUID) -> None:
    postman.fault = MailFailed("The mail server answered 451: greylisted")
    waits = []
    for attempt in range(1, outbox.MAX_ATTEMPTS):
        with pytest.raises(RunAgain) as postponed:
            worker.deliver(mail_id)
        waits.append(postponed.value.wait)
        mail = row(mail_id)
        assert (mail.attempts, mail.sent_at, mail.failed_at) == (attempt, None, None)
    assert waits == sorted(waits)
    assert waits[0] <= timedelta(minutes=1)
    assert timedelta(hours=20) < sum(waits, timedelta()) < timedelta(hours=28)
    worker.deliver(mail_id)
    mail = row(mail_id)
    assert mail.attempts == outbox.MAX_ATTEMPTS == 8
    assert mail.failed_at is not None
    assert mail.last_error == "The mail server answered 451: greylisted"
    postman.fault = None
    worker.deliver(mail_id)
    assert postman.taken == []


def test_a_vendor_that_is_back_gets_the_mail(postman: Postman, mail_id: UUID) -> None:
    postman.fault = MailFailed("away")
    with pytest.raises(RunAgain):
        worker.deliver(mail_id)
    postman.fault = None
    worker.deliver(mail_id)
    mail = row(mail_id)
    assert mail.sent_at is not None
    assert (mail.attempts, mail.last_error) == (2, None)


def test_a_mail_refused_for_good_is_tried_once(postman: Postman, mail_id: UUID) -> None:
    postman.fault = MailRefused("The mail server answered 550: no such user")
    worker.deliver(mail_id)
    mail = row(mail_id)
    assert mail.failed_at is not None
    assert (mail.attempts, mail.last_error) == (1, "The mail server answered 550: no such user")


def test_a_letter_that_lacks_a_value_is_given_up(postman: Postman, mail_id: UUID) -> None:
    row(mail_id).context = {"name": "Lea"}
    db.session.commit()
    worker.deliver(mail_id)
    mail = row(mail_id)
    assert mail.failed_at is not None
    assert "reset_password" in (mail.last_error or "")


def test_an_attempt_that_kills_the_worker_counts(postman: Postman, mail_id: UUID) -> None:
    row(mail_id).attempts = outbox.MAX_ATTEMPTS
    db.session.commit()
    worker.deliver(mail_id)
    assert postman.taken == []
    assert row(mail_id).failed_at is not None


def test_two_workers_at_one_mail_send_it_once(
    committed_app: Flask, postman: Postman, mail_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them was believed dead, and is not."""
    is_sending, may_go_on = threading.Event(), threading.Event()
    send = postman.send

    def slowly(message: Message) -> None:
        is_sending.set()
        assert may_go_on.wait(30)
        send(message)

    monkeypatch.setattr(postman, "send", slowly)

    def first() -> None:
        with committed_app.app_context():
            worker.deliver(mail_id)

    thread = threading.Thread(target=first)
    thread.start()
    assert is_sending.wait(30)
    with pytest.raises(RunAgain):
        worker.deliver(mail_id)
    may_go_on.set()
    thread.join(30)
    assert len(postman.taken) == 1
    assert row(mail_id).attempts == 1


def test_what_was_in_a_mail_is_forgotten_in_production(
    committed_app: Flask, postman: Postman, mail_id: UUID
) -> None:
    with in_environment(committed_app, Environment.PRODUCTION):
        worker.deliver(mail_id)
    assert LINK in postman.taken[0].text
    assert row(mail_id).context == {}


def test_what_was_in_a_mail_given_up_is_forgotten_in_production(
    committed_app: Flask, postman: Postman, mail_id: UUID
) -> None:
    postman.fault = MailRefused("no")
    with in_environment(committed_app, Environment.STAGING):
        worker.deliver(mail_id)
    assert row(mail_id).context == {}


@pytest.mark.parametrize("kind", [Environment.DEMO, Environment.DEVELOPMENT])
def test_the_demo_keeps_mails_to_show_them(
    committed_app: Flask, postman: Postman, mail_id: UUID, kind: Environment
) -> None:
    with in_environment(committed_app, kind):
        worker.deliver(mail_id)
    assert row(mail_id).context["link"] == LINK


@pytest.mark.parametrize(
    "fault",
    [
        MailFailed(f"550 {ADDRESS} {LINK}"),
        MailRefused(f"550 {ADDRESS} {LINK}"),
        RuntimeError(f"{ADDRESS} {LINK}"),
        None,
    ],
    ids=["failed", "refused", "broken", "sent"],
)
def test_neither_addresses_nor_links_are_logged(
    postman: Postman,
    mail_id: UUID,
    fault: Exception | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    postman.fault = fault
    try:
        worker.deliver(mail_id)
    except RunAgain:
        logging.getLogger("queue").exception("as the queue logs it")
    mine = [r for r in caplog.records if r.name in ("worker.mail", "queue")]
    said = "\n".join(caplog.handler.format(record) for record in mine)
    assert str(mail_id) in said
    assert "reset_password" in said
    assert ADDRESS not in said
    assert "secret" not in said


def test_times_are_shown_in_the_time_zone_of_whoever_reads_them(postman: Postman) -> None:
    user = factories.make_user(name="Lea Learner", timezone="Africa/Addis_Ababa")
    values = {"name": user.name, "reset_link": LINK, "device": "Firefox"}
    mail = outbox.write(
        user.email, "password_changed", None, when="2026-03-01T22:30:00+00:00", **values
    )
    db.session.commit()
    worker.deliver(mail.id)
    assert "March 2, 2026, 1:30" in postman.taken[0].text


def test_mails_that_ended_a_month_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "SWEEP_ROWS", 2)
    old, recent = utcnow() - timedelta(days=31), utcnow() - timedelta(days=29)
    kept = [
        Mail(to_email="a", template="test", context={}, created_at=recent, sent_at=recent),
        Mail(to_email="b", template="test", context={}, created_at=old, sent_at=recent),
        Mail(to_email="c", template="test", context={}, created_at=old),
    ]
    ended = [
        Mail(to_email="d", template="test", context={}, created_at=old, sent_at=old),
        Mail(to_email="e", template="test", context={}, created_at=old, sent_at=old),
        Mail(to_email="f", template="test", context={}, created_at=old, failed_at=old),
    ]
    db.session.add_all([*kept, *ended])
    db.session.commit()
    assert worker.forget_old() == 3
    left = db.session.scalars(text("SELECT to_email FROM mails ORDER BY 1"))
    assert list(left) == ["a", "b", "c"]
    assert worker.forget_old() == 0


@pytest.mark.parametrize(
    ("kind", "smtp_url", "is_said"),
    [
        (Environment.PRODUCTION, "", True),
        (Environment.STAGING, "", True),
        (Environment.DEMO, "", False),
        (Environment.PRODUCTION, "smtps://mail.example.com", False),
    ],
)
def test_a_production_worker_says_once_that_mail_reaches_nobody(
    committed_app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: Environment,
    smtp_url: str,
    is_said: bool,
) -> None:
    changes = {"app_env": kind, "smtp_url": smtp_url}
    settings = committed_app.extensions["settings"].model_copy(update=changes)
    monkeypatch.setitem(committed_app.extensions, "settings", settings)
    worker.warn_of_outbox()
    assert [r.name for r in caplog.records] == ["worker.mail"] * is_said
