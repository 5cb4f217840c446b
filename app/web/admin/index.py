"""The administration's first page: counts, and what needs attention."""

from datetime import timedelta

from flask import render_template

from app.clock import utcnow
from app.domain.accounts.models import Role
from app.domain.accounts.users import count_users
from app.domain.courses import attention, overview
from app.domain.outbox import mail
from app.domain.outbox.mail import Standing
from app.domain.playback.overview import count_live_streams
from app.web.access import require_signed_in
from app.web.admin import blueprint, owner_scope

ATTENTION_LIMIT = 20
MAIL_WAITS_LONG = timedelta(minutes=30)


@blueprint.get("/admin")
def index() -> str:
    """Show how the house is doing."""
    owner_id, role = owner_scope(), require_signed_in().role
    counts = {
        "users": count_users() if owner_id is None else None,
        "courses": overview.count_courses(owner_id),
        "videos": overview.count_media(owner_id),
        "live_streams": count_live_streams(owner_id),
    }
    is_maker = role is not Role.SUPPORT
    transfers = attention.list_failed_transfers(owner_id, ATTENTION_LIMIT) if is_maker else []
    return render_template(
        "admin/index.html",
        counts=counts,
        videos=overview.list_troubled_media(owner_id, ATTENTION_LIMIT),
        requests=attention.list_waiting(owner_id, ATTENTION_LIMIT),
        transfers=transfers,
        mail=_mail_in_trouble() if role is Role.ADMIN else None,
    )


def _mail_in_trouble() -> Standing | None:
    """Return how mail stands when some was given up today, or waits suspiciously long."""
    standing = mail.standing()
    since = standing.waiting_since
    waits_long = since is not None and utcnow() - since > MAIL_WAITS_LONG
    return standing if standing.given_up or waits_long else None
