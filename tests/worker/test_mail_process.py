"""The real worker process and a real mail server: mails arrive, whoever of the two dies."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from app.current import settings
from app.database import db
from app.domain.outbox import mail as outbox
from app.domain.outbox.models import Mail
from tests.support.known_secrets import SECRETS
from tests.support.mail_servers import SmtpServer, smtp_server
from tests.support.server import WORKER, running, wait_until

ADDRESS, LINK = "lea.secret@example.com", "http://localhost/auth/reset/one-time-secret"
ARRIVES_SECONDS = 30
TAKEN_OVER_SECONDS = 90

Worker = subprocess.Popen[bytes]


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with smtp_server() as server:
        yield server


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "worker.log"


@pytest.fixture
def start_worker(committed_app: Flask, log: Path) -> Iterator[Callable[[int], Worker]]:
    """A function that starts `flask worker` with a mail server on a port."""
    with ExitStack() as stack:

        def start(port: int) -> Worker:
            environment = {
                **SECRETS,
                "APP_ENV": "development",
                "DATABASE_URL": settings.database_url,
                "DATA_DIR": str(settings.data_dir),
                "LOG_LEVEL": "DEBUG",
                "MAIL_FROM": "courses@example.com",
                "SMTP_URL": f"smtp://127.0.0.1:{port}?tls=off",
            }
            return stack.enter_context(running(WORKER, environment, log))

        yield start


@pytest.fixture
def mail_id(committed_app: Flask) -> UUID:
    outbox.send(ADDRESS, "reset_password", None, name="Lea", link=LINK, minutes=30)
    mail_id = db.session.query(Mail).one().id
    db.session.commit()
    return mail_id


def row(mail_id: UUID) -> Mail:
    db.session.rollback()
    return db.session.get_one(Mail, mail_id, populate_existing=True)


def jobs() -> list[tuple[str, bool]]:
    """Return each mail job's status and whether it is due later."""
    db.session.rollback()
    query = "SELECT status, scheduled_at > now() FROM procrastinate_jobs WHERE queue_name = 'mail'"
    return [(status, bool(is_later)) for status, is_later in db.session.execute(text(query))]


def test_a_queued_mail_reaches_the_server(
    server: SmtpServer, start_worker: Callable[[int], Worker], mail_id: UUID, log: Path
) -> None:
    start_worker(server.port)
    wait_until(lambda: row(mail_id).sent_at, ARRIVES_SECONDS, "the mail is sent")
    [mail] = server.mails
    assert mail["To"] == ADDRESS
    wait_until(lambda: jobs() == [], ARRIVES_SECONDS, "the job is gone")
    said = log.read_text()
    assert str(mail_id) in said
    assert ADDRESS not in said
    assert "one-time-secret" not in said


def test_a_mail_waits_for_a_server_that_is_away(
    start_worker: Callable[[int], Worker], mail_id: UUID, log: Path
) -> None:
    start_worker(9)
    wait_until(lambda: jobs() == [("todo", True)], ARRIVES_SECONDS, "another attempt is planned")
    mail = row(mail_id)
    assert (mail.attempts, mail.sent_at, mail.failed_at) == (1, None, None)
    assert "does not answer" in (mail.last_error or "")
    said = log.read_text()
    assert ADDRESS not in said
    assert "one-time-secret" not in said


def test_a_worker_told_to_stop_ends_the_mail_it_is_at(
    server: SmtpServer, start_worker: Callable[[int], Worker], mail_id: UUID
) -> None:
    server.is_slow = True
    worker = start_worker(server.port)
    wait_until(lambda: server.is_asked, ARRIVES_SECONDS, "the server has the mail")
    worker.send_signal(signal.SIGTERM)
    server.is_slow = False
    assert worker.wait(30) == 0
    assert len(server.taken) == 1
    assert row(mail_id).sent_at is not None
    assert jobs() == []


@pytest.mark.timeout(200)
def test_a_worker_killed_at_the_hand_over_loses_no_mail(
    server: SmtpServer, start_worker: Callable[[int], Worker], mail_id: UUID
) -> None:
    """It may come twice, with one Message-ID."""
    server.is_slow = True
    victim = start_worker(server.port)
    wait_until(lambda: server.is_asked, ARRIVES_SECONDS, "the server has the mail")
    victim.send_signal(signal.SIGKILL)
    victim.wait(10)
    server.is_slow = False
    start_worker(server.port)
    wait_until(lambda: row(mail_id).sent_at, TAKEN_OVER_SECONDS, "another worker sends the mail")
    assert row(mail_id).attempts == 2
    assert 1 <= len(server.taken) <= 2
    assert {mail["Message-ID"] for mail in server.mails} == {f"<{mail_id}@example.com>"}
