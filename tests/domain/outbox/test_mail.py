"""Queueing mail: with its cause or not at all, and never something that cannot be sent."""

import pytest
from sqlalchemy import text

from app.database import db
from app.domain.outbox import mail
from app.domain.outbox.models import Mail


def jobs() -> list[tuple[str, str]]:
    rows = db.session.execute(
        text("SELECT queue_name, args->>'mail_id' FROM procrastinate_jobs WHERE task_name = :t"),
        {"t": mail.SEND_TASK},
    )
    return [tuple(row) for row in rows]


def test_a_mail_and_its_job_are_queued_together() -> None:
    mail.send("lea@example.com", "test", "am", name="Lea")
    [row] = db.session.query(Mail).all()
    assert (row.to_email, row.template, row.locale) == ("lea@example.com", "test", "am")
    assert row.context == {"name": "Lea"}
    assert jobs() == [("mail", str(row.id))]


def test_without_a_commit_there_is_no_mail() -> None:
    mail.send("lea@example.com", "test", name="Lea")
    db.session.rollback()
    assert db.session.query(Mail).count() == 0
    assert jobs() == []


def test_a_mail_that_lacks_a_value_is_refused_where_it_is_queued() -> None:
    with pytest.raises(TypeError, match="reset_password needs: link, minutes"):
        mail.send("lea@example.com", "reset_password", name="Lea")
    assert db.session.query(Mail).count() == 0


def test_an_unknown_mail_is_refused_where_it_is_queued() -> None:
    with pytest.raises(LookupError):
        mail.send("lea@example.com", "no_such_mail", name="Lea")


@pytest.mark.parametrize("path", ["/auth/verify/x", "auth/verify/x"])
def test_links_are_built_from_the_public_address(path: str) -> None:
    assert mail.absolute(path) == "http://localhost/auth/verify/x"


def test_links_lead_nowhere_else() -> None:
    assert mail.absolute("//evil.example/x") == "http://localhost/evil.example/x"
