"""Passkeys (WebAuthn): what an authenticator is asked, and whether its answer is to be believed.

Only discoverable credentials with user verification: such a key is two factors by itself.
"""

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import and_, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app.clock import utcnow
from app.current import settings
from app.database import db
from app.domain.accounts import factor_changes
from app.domain.accounts.models import Passkey, User
from app.domain.site import choices
from app.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

# The library costs 0.2 s and 19 MB, and most web processes never see a passkey.
# ruff: noqa: PLC0415

MAX_PASSKEYS = 20
MAX_NAME_LENGTH = 60
MAX_CREDENTIAL_ID_BYTES = 1023  # WebAuthn level 3, 5.4.3
TIMEOUT_MILLISECONDS = 5 * 60 * 1000
UNREADABLE = "The answer of the passkey could not be read. Try again."

Credential = Mapping[str, Any]


class Fault(enum.StrEnum):
    """Why an answer was not believed, for the audit trail; the visitor is never told."""

    UNREADABLE = "unreadable"
    UNKNOWN = "unknown"
    FOREIGN = "foreign"
    INVALID = "invalid"
    COPIED = "copied"


class PasskeyRefused(Exception):
    """An answer that proves nothing; `user_id` is whose passkey it claims to be, if any's."""

    def __init__(self, fault: Fault, user_id: UUID | None = None) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.user_id = user_id


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """This site as authenticators know it: the name keys are bound to, and the pages' origin."""

    id: str
    origin: str


def relying_party() -> RelyingParty:
    """Return who this site is, from PUBLIC_BASE_URL.

    Browsers bind keys to names only, so a site at a loopback address is `localhost` to them.
    """
    parts = urlsplit(settings.public_base_url)
    host = parts.hostname or ""
    if _is_loopback(host):
        host = "localhost"
    port = f":{parts.port}" if parts.port and parts.port != _usual_port(parts.scheme) else ""
    return RelyingParty(host, f"{parts.scheme}://{host}{port}")


def addition_options(user: User, challenge: bytes) -> dict[str, Any]:
    """Return what a browser is to ask an authenticator for a new key of `user`'s."""
    from webauthn import generate_registration_options
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = generate_registration_options(
        rp_id=relying_party().id,
        rp_name=choices.current().name,
        user_id=user.id.bytes,
        user_name=user.email,
        user_display_name=user.name,
        challenge=challenge,
        timeout=TIMEOUT_MILLISECONDS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(user.id),
    )
    return _as_json(options)


def proof_options(challenge: bytes, user_id: UUID | None = None) -> dict[str, Any]:
    """Return what a browser is to ask for a signature: by any key here, or by one of a person's."""
    from webauthn import generate_authentication_options
    from webauthn.helpers.structs import UserVerificationRequirement

    options = generate_authentication_options(
        rp_id=relying_party().id,
        challenge=challenge,
        timeout=TIMEOUT_MILLISECONDS,
        allow_credentials=_descriptors(user_id) if user_id else None,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _as_json(options)


def add(user_id: UUID, credential: Credential, challenge: bytes, name: str) -> Passkey:
    """Keep the new key that an authenticator made for `challenge`.

    Raises InvalidInput when the answer is not to be believed, the key is known already, the name
    is none, or there are too many.
    """
    from webauthn import verify_registration_response

    name = tidy_name(name)
    party = relying_party()
    try:
        verified = verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except _unreadable() as error:
        raise InvalidInput({"credential": UNREADABLE}) from error
    if len(verified.credential_id) > MAX_CREDENTIAL_ID_BYTES:
        raise InvalidInput({"credential": UNREADABLE})
    user = factor_changes.lock(user_id)
    if _count(user_id) >= MAX_PASSKEYS:
        raise InvalidInput({"credential": "Remove a passkey that you no longer use first."})
    added: Passkey | None = db.session.scalar(
        insert(Passkey)
        .values(
            user_id=user_id,
            credential_id=verified.credential_id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            transports=_transports(credential),
            name=name,
            created_at=utcnow(),
        )
        .on_conflict_do_nothing(index_elements=[Passkey.credential_id])
        .returning(Passkey)
    )
    if added is None:
        raise InvalidInput({"credential": "This passkey was added before."})
    factor_changes.settle(user)
    return added


def verify(credential: Credential, challenge: bytes, user_id: UUID | None = None) -> Passkey:
    """Return the key that signed `challenge`, having noted its use. Raises PasskeyRefused.

    With `user_id` only that person's keys count; without, the answer must name its owner itself.
    """
    from webauthn import verify_authentication_response
    from webauthn.helpers import parse_authentication_credential_json

    try:
        answer = parse_authentication_credential_json(dict(credential))
    except _unreadable() as error:
        raise PasskeyRefused(Fault.UNREADABLE) from error
    key = db.session.scalar(select(Passkey).where(Passkey.credential_id == answer.raw_id))
    if key is None:
        raise PasskeyRefused(Fault.UNKNOWN)
    if user_id is not None and key.user_id != user_id:
        raise PasskeyRefused(Fault.FOREIGN, user_id)
    handle = answer.response.user_handle
    if handle != key.user_id.bytes and (handle or user_id is None):
        raise PasskeyRefused(Fault.FOREIGN, key.user_id)
    party = relying_party()
    try:
        verified = verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=key.public_key,
            credential_current_sign_count=0,  # looked at below, once the signature is known good
            require_user_verification=True,
        )
    except _unreadable() as error:
        raise PasskeyRefused(Fault.INVALID, key.user_id) from error
    _note_use(key, verified.new_sign_count)
    return key


def rename(user_id: UUID, passkey_id: UUID, name: str) -> Passkey:
    """Give one's own key another name. Raises InvalidInput, and NotFound also for a foreign one."""
    key = db.session.scalar(
        select(Passkey).where(Passkey.id == passkey_id, Passkey.user_id == user_id)
    )
    if key is None:
        raise NotFound
    key.name = tidy_name(name)
    db.session.flush()
    return key


def tidy_name(name: str) -> str:
    """Return a name for a key with single spaces. Raises InvalidInput naming the field `name`."""
    tidy = " ".join(name.split())
    if not tidy or not tidy.isprintable():
        raise InvalidInput({"name": "Give the passkey a name, like the device it is on."})
    if len(tidy) > MAX_NAME_LENGTH:
        raise InvalidInput({"name": f"Use at most {MAX_NAME_LENGTH} characters."})
    return tidy


def _note_use(key: Passkey, sign_count: int) -> None:
    """Move the key's counter on; one that does not grow means that the key has been copied.

    Authenticators that do not count say 0 each time. The condition settles two uses at once.
    """
    never_counts = and_(Passkey.sign_count == 0, literal(sign_count == 0))
    moved: UUID | None = db.session.scalar(
        update(Passkey)
        .where(Passkey.id == key.id, or_(Passkey.sign_count < sign_count, never_counts))
        .values(sign_count=sign_count, last_used_at=utcnow())
        .returning(Passkey.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise PasskeyRefused(Fault.COPIED, key.user_id)


def _count(user_id: UUID) -> int:
    statement = select(func.count()).select_from(Passkey).where(Passkey.user_id == user_id)
    return db.session.scalar(statement) or 0


def _transports(credential: Credential) -> list[str]:
    """Return how the key can be reached, as far as the browser said so in known words."""
    from webauthn.helpers.structs import AuthenticatorTransport

    known = {transport.value for transport in AuthenticatorTransport}
    response = credential.get("response")
    given = response.get("transports") if isinstance(response, Mapping) else None
    return sorted(known & {item for item in given or () if isinstance(item, str)})


def _descriptors(user_id: UUID) -> "list[PublicKeyCredentialDescriptor]":
    from webauthn.helpers.structs import AuthenticatorTransport, PublicKeyCredentialDescriptor

    rows = db.session.execute(
        select(Passkey.credential_id, Passkey.transports).where(Passkey.user_id == user_id)
    )
    return [
        PublicKeyCredentialDescriptor(
            id=credential_id, transports=[AuthenticatorTransport(name) for name in transports]
        )
        for credential_id, transports in rows
    ]


def _as_json(options: Any) -> dict[str, Any]:
    from webauthn import options_to_json

    document: dict[str, Any] = json.loads(options_to_json(options))
    return document


def _unreadable() -> tuple[type[Exception], ...]:
    """Return what the library raises for answers that are wrong, forged or no answers at all."""
    from webauthn.helpers.exceptions import WebAuthnException

    return (WebAuthnException, ValueError, TypeError, LookupError, AttributeError, OverflowError)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _usual_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
