"""`flask mail test`: says at once whether mail goes, or why it does not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from app.clock import utcnow
from app.database import db
from app.domain.outbox.models import Mail
from app.errors import MailFailed, MailRefused
from app.integrations.mailer import Message


class Refusing:
    """A vendor that takes nothing."""

    def __init__(self, fault: MailFailed) -> None:
        self.fault = fault

    def send(self, message: Message) -> None:
        raise self.fault


def refuse(app: Flask, patched: pytest.MonkeyPatch, fault: MailFailed) -> None:
    integrations = replace(app.extensions["integrations"], mailer=Refusing(fault))
    patched.setitem(app.extensions, "integrations", integrations)


def the_mail() -> Mail:
    db.session.rollback()
    return db.session.query(Mail).one()


def test_a_demo_says_where_the_mail_is_shown(committed_app: Flask) -> None:
    answer = committed_app.test_cli_runner().invoke(args=["mail", "test", "lea@example.com"])
    assert answer.exit_code == 0, answer.output
    assert "http://localhost/outbox" in answer.output
    assert the_mail().sent_at is not None


def test_a_vendor_s_reason_is_told_and_nothing_is_tried_again(
    committed_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(committed_app, monkeypatch, MailFailed("The mail server answered 535: bad password"))
    answer = committed_app.test_cli_runner().invoke(args=["mail", "test", "lea@example.com"])
    assert answer.exit_code == 1
    assert "The mail server answered 535: bad password" in answer.output
    assert the_mail().failed_at is not None


def test_an_address_nobody_has_is_told(
    committed_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = committed_app.test_cli_runner().invoke(args=["mail", "test", "nobody"])
    assert answer.exit_code == 1
    assert "not an address" in answer.output
    refuse(committed_app, monkeypatch, MailRefused("The mail server answered 550: no"))
    answer = committed_app.test_cli_runner().invoke(args=["mail", "test", "lea@example.com"])
    assert (answer.exit_code, "550" in answer.output) == (1, True)


def test_an_operator_sees_how_mail_stands(committed_app: Flask) -> None:
    now = utcnow()
    common = {"to_email": "a", "template": "test", "context": {}}
    error = "The mail server answered 535: bad password"
    db.session.add_all(
        [
            Mail(**common, created_at=now - timedelta(hours=2)),
            Mail(**common, created_at=now, last_error=error, attempts=1),
            Mail(**common, created_at=now - timedelta(days=3), sent_at=now),
            Mail(**common, created_at=now, sent_at=now - timedelta(days=2)),
            Mail(**common, created_at=now - timedelta(days=1), failed_at=now, last_error="old"),
        ]
    )
    db.session.commit()
    said = committed_app.test_cli_runner().invoke(args=["mail", "status"]).output
    oldest = f"{now - timedelta(hours=2):%F %R} UTC"
    assert f"by outbox: 2 waiting (the oldest since {oldest})" in said
    assert "1 sent, 1 given up" in said
    assert f"last error: {error}" in said
