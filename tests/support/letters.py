"""The mail that a test's requests have caused: what the worker would do about it, and the links."""

import re
from uuid import UUID

from sqlalchemy import select, text

from app.database import db
from app.domain.accounts.recovery import SEND_LINK_TASK
from app.domain.accounts.verification import ANSWER_SIGN_UP_TASK
from app.domain.outbox.models import Mail
from app.worker import links

LINK = re.compile(r"^https?://[^/]+(?P<path>/.*)$")


def run_jobs() -> None:
    """Do what is queued about links, as the worker would, and take it off the queue."""
    rows = db.session.execute(
        text(
            "DELETE FROM procrastinate_jobs WHERE task_name IN (:one, :other)"
            " RETURNING task_name, args, id"
        ),
        {"one": ANSWER_SIGN_UP_TASK, "other": SEND_LINK_TASK},
    ).all()
    for task, arguments, _ in sorted(rows, key=lambda row: row.id):
        user_id = UUID(arguments["user_id"])
        if task == SEND_LINK_TASK:
            links.send_reset_link(user_id, arguments["locale"])
        else:
            links.answer_sign_up(user_id, is_new=arguments["is_new"], locale=arguments["locale"])
    db.session.commit()


def mails(to: str | None = None, template: str | None = None) -> list[Mail]:
    """Return the mail that is queued, the oldest first, after `run_jobs`."""
    run_jobs()
    statement = select(Mail).order_by(Mail.created_at)
    if to is not None:
        statement = statement.where(Mail.to_email == to)
    if template is not None:
        statement = statement.where(Mail.template == template)
    return list(db.session.scalars(statement))


def path_in(mail: Mail, name: str = "link") -> str:
    """Return the path of a link in a mail."""
    found = LINK.match(mail.context[name])
    assert found, mail.context[name]
    return found["path"]


def newest_path(to: str, template: str, name: str = "link") -> str:
    """Return the path of a link in the newest mail of a kind to somebody."""
    return path_in(mails(to, template)[-1], name)
