"""The administration's first page: counts, and what needs attention."""

from dataclasses import dataclass
from datetime import timedelta

from flask import render_template, request

from app.clock import utcnow
from app.domain.accounts.models import Role
from app.domain.accounts.sessions import SignedIn
from app.domain.accounts.users import count_users
from app.domain.checkout import attention as selling
from app.domain.checkout import differences
from app.domain.checkout.attention import TroubledEvents, TroubledOrder, WaitingProofs
from app.domain.checkout.differences import OpenDifference
from app.domain.courses import attention, overview
from app.domain.outbox import mail
from app.domain.outbox.mail import Standing
from app.domain.playback.overview import count_live_streams
from app.web.access import require_signed_in
from app.web.admin import blueprint, owner_scope
from app.web.admin.reports import recent_revenue

ATTENTION_LIMIT = 20
MAIL_WAITS_LONG = timedelta(minutes=30)
RANGES = (7, 30, 90)


@dataclass(frozen=True, slots=True)
class SellingTrouble:
    """What of selling needs somebody."""

    proofs: WaitingProofs | None = None
    orders: tuple[TroubledOrder, ...] = ()
    events: tuple[TroubledEvents, ...] = ()
    differences: tuple[OpenDifference, ...] = ()
    may_settle: bool = False

    def __bool__(self) -> bool:
        return bool(self.proofs or self.orders or self.events or self.differences)


@blueprint.get("/admin")
def index() -> str:
    """Show how the house is doing."""
    person = require_signed_in()
    owner_id, role = owner_scope(), person.role
    since = utcnow() - timedelta(days=_days())
    counts = {
        "users": count_users() if owner_id is None else None,
        "courses": overview.count_courses(owner_id, since),
        "new_learners": overview.count_new_learners(owner_id, since),
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
        selling=_selling_trouble(person),
        revenue=recent_revenue(person, _days()) if is_maker else None,
        days=_days(),
        ranges=RANGES,
    )


def _days() -> int:
    """Return how many days are asked for; what is no range is the usual one."""
    asked = request.args.get("days", "")
    return next((days for days in RANGES if str(days) == asked), 30)


def _selling_trouble(person: SignedIn) -> SellingTrouble:
    """Return what needs those who look after orders; instructors do not."""
    if person.role is Role.INSTRUCTOR:
        return SellingTrouble()
    return SellingTrouble(
        selling.waiting_proofs(),
        tuple(selling.list_troubled_orders(ATTENTION_LIMIT)),
        tuple(selling.list_troubled_events(ATTENTION_LIMIT)),
        tuple(differences.list_open(ATTENTION_LIMIT)),
        person.role is Role.ADMIN,
    )


def _mail_in_trouble() -> Standing | None:
    """Return how mail stands when some was given up today, or waits suspiciously long."""
    standing = mail.standing()
    since = standing.waiting_since
    waits_long = since is not None and utcnow() - since > MAIL_WAITS_LONG
    return standing if standing.given_up or waits_long else None
