"""Jobs about accounts: those that are due are erased, what has served its turn is forgotten."""

import logging
from uuid import UUID

from app.current import integrations
from app.database import db
from app.domain.accounts import deletion, retention
from app.domain.accounts import export as exports
from app.domain.audit import trail
from app.domain.audit.actions import Action
from app.domain.audit.trail import ActorKind, Event
from app.domain.checkout import personal as checkout
from app.domain.checkout.personal import require_deletable
from app.domain.checkout.retention import forget_old_payloads
from app.domain.courses import personal as courses
from app.domain.outbox import mail
from app.domain.outbox import personal as outbox
from app.domain.playback import personal as playback
from app.domain.playback.retention import forget_old_sign_ins
from app.errors import DeletionRefused, StorageUnavailable

log = logging.getLogger("worker.accounts")


def delete_due() -> int:
    """Erase the accounts whose time has come, each in a transaction of its own; return how many.

    One that others have come to depend on since waits until they no longer do.
    """
    due = deletion.list_due()
    db.session.rollback()
    return sum(_try_to_erase(user_id) for user_id in due)


def forget_old() -> int:
    """Forget ended sign-ins, links, ceremonies and gateways' words, a batch a transaction.

    Return how many rows went.
    """
    total = 0
    for forget in (
        forget_old_sign_ins,
        retention.forget_old_links,
        retention.forget_old_ceremonies,
        forget_old_payloads,
    ):
        while gone := forget():
            db.session.commit()
            total += gone
    db.session.rollback()
    return total


def _try_to_erase(user_id: UUID) -> bool:
    """Erase one account; what goes wrong with one must not hold the others up."""
    try:
        return _erase(user_id)
    except Exception:
        log.exception("deletion failed, it is tried again in an hour (user %s)", user_id)
        db.session.rollback()
        return False


def _erase(user_id: UUID) -> bool:
    user = deletion.get_due(user_id)
    if user is None:  # they have changed their mind
        db.session.rollback()
        return False
    try:
        require_deletable(user)
    except DeletionRefused as error:
        log.warning("deletion waits: %s (user %s)", error.detail, user_id)
        db.session.rollback()
        return False
    proofs = checkout.erase(user_id)  # orders are locked before what hangs on them
    erased = deletion.erase(user)
    courses.erase(user_id, erased.email)
    playback.erase(user_id)
    outbox.erase(erased.email)
    mail.send(erased.email, "account_deleted", erased.locale, name=erased.name)
    trail.record(Event(Action.ACCOUNT_DELETED, ActorKind.SYSTEM, subject_id=user_id))
    db.session.commit()
    log.info("erased an account (user %s)", user_id)
    _remove_files(user_id, proofs)
    return True


def _remove_files(user_id: UUID, proofs: list[str]) -> None:
    try:
        for folder in (f"{exports.FOLDER}/{user_id}", *proofs):
            integrations.storage.delete_prefix(folder)
    except StorageUnavailable as error:
        log.warning("files stay until the next sweep: %s (user %s)", error.code, user_id)
