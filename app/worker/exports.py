"""The export job: gathers what every room knows of one person into a zip and mails the link."""

import io
import json
import logging
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask_babel import force_locale, gettext, lazy_gettext

from app.clock import utcnow
from app.current import integrations
from app.database import db
from app.domain.accounts import export as exports
from app.domain.accounts import personal as accounts
from app.domain.accounts.models import User
from app.domain.accounts.profile import LANGUAGES
from app.domain.accounts.users import get_user
from app.domain.audit import personal as audit
from app.domain.checkout import personal as checkout
from app.domain.courses import personal as courses
from app.domain.outbox import mail
from app.domain.outbox import personal as outbox
from app.domain.playback import personal as playback
from app.domain.site import choices
from app.errors import StorageFull, StorageUnavailable
from app.worker.locks import held
from app.worker.retries import RunAgain

log = logging.getLogger("worker.exports")

MAX_ATTEMPTS = 5
_WAIT = timedelta(minutes=1)
FILE = "data.zip"
FETCH_PATH = "/account/data/download"
CONTENTS = {
    "profile": lazy_gettext("your account: name, e-mail address, language and the like"),
    "sign-ins": lazy_gettext("the devices and API keys that were signed in: when and from where"),
    "passkeys": lazy_gettext("the names of your passkeys"),
    "api-keys": lazy_gettext("the names and scopes of your API keys"),
    "exports": lazy_gettext("when you asked for files like this one"),
    "enrollments": lazy_gettext("the courses you are or were enrolled in"),
    "enrollment-requests": lazy_gettext("the courses you asked to be let into"),
    "course-invitations": lazy_gettext("the courses your e-mail address was invited to"),
    "progress": lazy_gettext("what you have watched of each lesson, in ranges of seconds"),
    "courses-taught": lazy_gettext("the courses you teach"),
    "playback": lazy_gettext("each time you played a video, and on which device"),
    "orders": lazy_gettext("what you ordered, and for how much"),
    "payments": lazy_gettext("what you paid"),
    "refunds": lazy_gettext("what you were given back"),
    "payment-proofs": lazy_gettext("the proofs of transfers you sent, without the pictures"),
    "mails": lazy_gettext("the mails we sent you of late, without the links in them"),
    "events": lazy_gettext("what the audit trail says of you"),
}


def export(export_id: UUID, attempt: int) -> None:
    """Make an export, unless it was made or given up before.

    Raises RunAgain while the storage is away; after the last attempt the export's row says that
    it failed. Run again after a kill it writes the same file and sends one mail.
    """
    with held(export_id):
        try:
            _make(export_id)
        except (StorageFull, StorageUnavailable) as error:
            _fail_or_postpone(export_id, attempt, error.code)
        except RunAgain:
            raise
        except Exception as error:
            log.exception("export failed (export %s)", export_id)
            _fail_or_postpone(export_id, attempt, type(error).__name__)


def sweep() -> int:
    """Remove exports past their time with their files, and files whose row is gone.

    Return how many went. Files go before rows, so that a crash between the two leaves rows by
    which the next sweep finds the rest.
    """
    outdated = [(export.id, exports.folder_of(export)) for export in exports.list_outdated()]
    db.session.rollback()  # no transaction stays open across a vendor's call
    for export_id, folder in outdated:
        integrations.storage.delete_prefix(folder)
        exports.forget(export_id)
        db.session.commit()
    return len(outdated) + _sweep_orphans()


def _make(export_id: UUID) -> None:
    packed = _pack_all(export_id)
    # The storage may take its time: no transaction and no connection waits for it.
    db.session.commit()
    db.session.remove()
    if packed is None:
        return
    user_id, folder, archive = packed
    key = f"{folder}/{FILE}"
    integrations.storage.put_bytes(key, archive, "application/zip")
    token = exports.finish(export_id, key, len(archive))
    if token is None:  # the account was deleted meanwhile
        db.session.rollback()
        integrations.storage.delete_prefix(folder)
        return
    user = get_user(user_id)
    mail.send(
        user.email,
        "export_ready",
        user.locale,
        name=user.name,
        link=mail.absolute(f"{FETCH_PATH}?{urlencode({'token': token})}"),
        days=exports.KEPT_FOR.days,
    )
    db.session.commit()
    log.info("exported %d bytes (export %s)", len(archive), export_id)


def _pack_all(export_id: UUID) -> tuple[UUID, str, bytes] | None:
    """Return whose export it is, where it goes and the file; None when nobody waits for it."""
    wanted = exports.find_queued(export_id)
    if wanted is None:
        return None
    user = get_user(wanted.user_id)
    return user.id, exports.folder_of(wanted), pack(gather(user), user)


def gather(user: User) -> dict[str, Any]:
    """Return everything about a person, by the name of the file it goes into."""
    documents = accounts.export_of(user)
    documents |= courses.export_of(user.id)
    documents |= checkout.export_of(user.id)
    documents |= playback.export_of(user.id)
    if user.email_verified_at:  # else the mailbox may be somebody else's
        documents |= outbox.export_of(user.email, user.created_at)
    return documents | audit.export_of(user.id)


def pack(documents: Mapping[str, Any], user: User) -> bytes:
    """Return the documents as a zip of JSON files, with a README in the person's language."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        with force_locale(user.locale if user.locale in LANGUAGES else LANGUAGES[0]):
            archive.writestr("README.txt", _readme(documents, user))
        for name, document in documents.items():
            text = json.dumps(document, default=_plain, ensure_ascii=False, indent=2)
            archive.writestr(f"{name}.json", text + "\n")
    return packed.getvalue()


def _readme(documents: Mapping[str, Any], user: User) -> str:
    made = utcnow().strftime("%Y-%m-%d %H:%M UTC")
    lines = [
        gettext(
            "What %(site)s keeps about %(email)s", site=choices.current().name, email=user.email
        ),
        "",
        gettext("Made on %(date)s. Times are in UTC. The files are JSON in UTF-8.", date=made),
        "",
        *(f"{name}.json: {CONTENTS[name]}" for name in documents),
        "",
        gettext("Passwords, keys and codes are kept as hashes or sealed, and are left out."),
    ]
    return "\r\n".join(lines) + "\r\n"


def _plain(value: object) -> Any:
    """Return what JSON has no word for in words that it has."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case Decimal():
            return float(value)
        case Enum():
            return value.value
        case UUID() | IPv4Address() | IPv6Address():
            return str(value)
    raise TypeError(f"an export holds no {type(value).__name__}")


def _fail_or_postpone(export_id: UUID, attempt: int, reason: str) -> None:
    """Give up after the last attempt, otherwise ask for another."""
    db.session.rollback()
    if attempt < MAX_ATTEMPTS:
        log.warning("export postponed: %s (export %s)", reason, export_id)
        raise RunAgain(reason, _WAIT * attempt)
    exports.fail(export_id)
    db.session.commit()
    log.error("export given up: %s (export %s)", reason, export_id)


def _sweep_orphans() -> int:
    """Remove the files of exports that an erased account left behind."""
    folders = {key.rsplit("/", 1)[0] for key in integrations.storage.list_keys(exports.FOLDER)}
    by_id = {UUID(folder.rsplit("/", 1)[1]): folder for folder in folders}
    orphans = by_id.keys() - exports.find_known(set(by_id))
    db.session.rollback()
    for export_id in orphans:
        integrations.storage.delete_prefix(by_id[export_id])
    return len(orphans)
