"""The outbox, where the demo and development show every mail to everybody; elsewhere it is 404."""

from uuid import UUID

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue

from app.config import MailKind
from app.current import settings
from app.domain.accounts.correspondence import letter_of
from app.domain.outbox import letters
from app.domain.outbox import mail as mails
from app.domain.outbox.letters import Letter
from app.domain.outbox.models import Mail
from app.errors import MailRefused, NotFound
from app.web.pages import blueprint

MAX_QUERY_LENGTH = 254


@blueprint.get("/outbox")
def outbox() -> str:
    """List the newest mails, those before `?before=` one, or to addresses like `?to=`."""
    _require_shown()
    to = request.args.get("to", "")[:MAX_QUERY_LENGTH].strip()
    rows = mails.list_newest(_before(), to)
    shown = rows[: mails.PAGE_SIZE]
    return render_template(
        "pages/outbox.html",
        mails=[(mail, _subject_of(mail)) for mail in shown],
        older=shown[-1].id if len(rows) > len(shown) else None,
        to=to,
        is_kept_here=settings.mail_kind is MailKind.OUTBOX,
    )


@blueprint.get("/outbox/<uuid:mail_id>")
def outbox_mail(mail_id: UUID) -> str:
    """Show one mail: its envelope, its HTML in a frame, its text."""
    _require_shown()
    mail = mails.get(mail_id)
    return render_template("pages/outbox_mail.html", mail=mail, letter=_letter_of(mail))


@blueprint.get("/outbox/<uuid:mail_id>/letter")
def outbox_letter(mail_id: UUID) -> ResponseReturnValue:
    """Answer a mail's HTML as a mail program gets it; `web/headers` locks it up."""
    _require_shown()
    letter = _letter_of(mails.get(mail_id))
    if letter is None:
        raise NotFound
    return Response(letter.html, mimetype="text/html")


def _require_shown() -> None:
    if not mails.is_shown():
        raise NotFound


def _before() -> UUID | None:
    given = request.args.get("before")
    try:
        return UUID(given) if given else None
    except ValueError:
        raise NotFound from None


def _subject_of(mail: Mail) -> str:
    """Return the subject, the template's name when it needs values that were forgotten."""
    try:
        return letters.subject_of(mail.template, mail.locale, mail.context)
    except MailRefused:
        return mail.template


def _letter_of(mail: Mail) -> Letter | None:
    """Return the letter, None when its values were forgotten or never made one."""
    try:
        return letter_of(mail)
    except MailRefused:
        return None
