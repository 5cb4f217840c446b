"""Changing the site's choices, trying out its mail, storage and cards: for page and JSON twin.

Each act asks for a recent proof of who is acting, as a choice may be where money is sent to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import url_for
from flask_babel import gettext
from limits import parse

from app.config import MailKind, StorageKind
from app.current import integrations, settings
from app.database import db
from app.domain.accounts.models import Role
from app.domain.accounts.sessions import SignedIn
from app.domain.audit.actions import Action
from app.domain.outbox import pages
from app.domain.outbox import trial as mail_trial
from app.domain.site import choices, logos
from app.domain.site.storage_trial import Step, try_storage
from app.errors import GatewayRefused, GatewayUnavailable, MailFailed, TooManyRequests
from app.web import audit
from app.web.access import require_recent, require_role
from app.web.extensions import limiter

TRIALS = parse("6 per minute")


@dataclass(frozen=True, slots=True)
class TrialResult:
    """Whether it works, what happened in a sentence, and what to change when it does not."""

    works: bool
    said: str
    remedy: str = ""


def require_owner() -> SignedIn:
    """Return the administrator who asks. Raises SignInRequired, Forbidden."""
    return require_role(Role.ADMIN)


def require_acting_owner() -> SignedIn:
    """Return who may change the site now. Raises also ConfirmationRequired."""
    person = require_owner()
    require_recent(person)
    return person


def change(changes: Mapping[str, Any], version: int | None) -> list[str]:
    """Change choices; return the names of what is other than before.

    Raises InvalidInput, VersionConflict, ConfirmationRequired.
    """
    person = require_acting_owner()
    changed = choices.change(person.id, changes, version)
    if changed:
        after = {name: _plain(changes[name]) for name in changed}
        audit.note(Action.SITE_CHANGED, subject_kind="site", after=after)
        pages.refresh()
    db.session.commit()
    return changed


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value


def take_logo(sent: bytes) -> None:
    """Draw and choose a logo. Raises FileRefused, StorageFull, StorageUnavailable."""
    require_acting_owner()
    db.session.rollback()  # no transaction is open while the picture is drawn
    _choose_logo(logos.draw_bytes(sent))


def drop_logo() -> None:
    """Go back to the built-in mark. Raises StorageUnavailable, after the choice is made."""
    _choose_logo(None)


def _choose_logo(logo_id: UUID | None) -> None:
    change({"logo_id": logo_id}, None)
    chosen = choices.read().logo_id  # somebody else's may have come meanwhile: theirs stays
    db.session.rollback()
    logos.remove_others(chosen)


def _count_trial(person: SignedIn) -> None:
    if not limiter.limiter.hit(TRIALS, "site-trial", str(person.id)):
        raise TooManyRequests(60, "You tried this often just now. Wait a minute.")


def try_mail() -> TrialResult:
    """Send a mail to whoever asks, at once. Raises ConfirmationRequired, TooManyRequests."""
    person = require_acting_owner()
    _count_trial(person)
    message = mail_trial.compose_test(person.email, person.locale, person.name)
    db.session.rollback()  # no transaction is open while the vendor answers
    try:
        mail_trial.hand_over(message)
    except MailFailed as error:
        return TrialResult(False, error.detail, _mail_remedy())
    if mail_trial.is_kept():
        said = gettext("Nothing sends mail here: mails stay in the outbox, where they are shown.")
        return TrialResult(True, said, _mail_remedy())
    said = gettext("A test mail to %(email)s was handed over.", email=person.email)
    return TrialResult(True, said, gettext("Look whether it arrives, also among unwanted mail."))


def _mail_remedy() -> str:
    remedies = {
        MailKind.OUTBOX: gettext(
            "To send mail, set SMTP_URL, SENDGRID_API_KEY or AWS_SES_REGION, and MAIL_FROM."
        ),
        MailKind.SMTP: gettext(
            "Check host, port, name and password in SMTP_URL, and that MAIL_FROM may send there."
        ),
        MailKind.SENDGRID: gettext(
            "Check SENDGRID_API_KEY, and that MAIL_FROM is a verified sender there."
        ),
        MailKind.SES: gettext(
            "Check AWS_SES_REGION and its credentials, and that MAIL_FROM is verified there."
        ),
    }
    return str(remedies[settings.mail_kind])


def try_media_storage() -> TrialResult:
    """Write, read and delete an object. Raises ConfirmationRequired, TooManyRequests."""
    _count_trial(require_acting_owner())
    db.session.rollback()  # no transaction is open while the storage answers
    trial = try_storage()
    if trial.failed is None:
        return TrialResult(True, gettext("The storage wrote, read and deleted a file."))
    failures = {
        Step.WRITE: gettext("Writing failed: %(said)s", said=trial.said),
        Step.READ: gettext("Writing worked, reading failed: %(said)s", said=trial.said),
        Step.DELETE: gettext(
            "Writing and reading worked, deleting failed: %(said)s", said=trial.said
        ),
    }
    return TrialResult(False, failures[trial.failed], _storage_remedy(trial.is_full))


def _storage_remedy(is_full: bool) -> str:
    folder = settings.media_directory
    if settings.storage is StorageKind.S3:
        remedy = gettext(
            "Check S3_BUCKET_NAME, AWS_REGION and that the key may put, get, list and delete."
        )
    elif is_full:
        remedy = gettext("Free some space on the disk of %(folder)s.", folder=folder)
    else:
        remedy = gettext(
            "Check that %(folder)s exists and that the site's user may write there.", folder=folder
        )
    return str(remedy)


def try_stripe() -> TrialResult:
    """Ask Stripe whose key this is; charge nothing. Raises ConfirmationRequired, TooManyRequests.

    Without a webhook secret payments are noticed late, so that is a fault, too.
    """
    _count_trial(require_acting_owner())
    db.session.rollback()  # no transaction is open while the gateway answers
    gateway = integrations.gateways.get("card")
    if gateway is None:
        said = gettext("Cards are not set up: there is no STRIPE_SECRET_KEY.")
        return TrialResult(False, said, _webhook_remedy())
    try:
        answer = gateway.check()
    except (GatewayUnavailable, GatewayRefused) as error:
        remedy = gettext("Check STRIPE_SECRET_KEY, and that this machine reaches api.stripe.com.")
        return TrialResult(False, error.detail, remedy)
    if not settings.stripe_webhook_secret:
        said = gettext("Stripe knows the key: %(answer)s. Its events are not taken.", answer=answer)
        return TrialResult(False, said, _webhook_remedy())
    return TrialResult(True, gettext("Stripe knows the key: %(answer)s.", answer=answer))


def _webhook_remedy() -> str:
    address = settings.public_base_url.rstrip("/") + url_for("courses.stripe_webhook")
    return str(
        gettext(
            "Set STRIPE_SECRET_KEY, and STRIPE_WEBHOOK_SECRET of Stripe's endpoint "
            "for %(address)s.",
            address=address,
        )
    )
