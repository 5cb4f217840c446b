"""WebAuthn for browsers: adding a passkey, signing in with one, confirming who one is."""

from typing import Any
from uuid import UUID

from flask import Response, jsonify, request, session, url_for
from flask_babel import lazy_gettext

from app.database import db
from app.domain.accounts import ceremonies, passkeys, second_factor, sessions, users
from app.domain.accounts import factor_changes as factor_rows
from app.domain.accounts.models import Ceremony, CeremonyKind
from app.domain.accounts.passkeys import PasskeyRefused
from app.domain.accounts.second_factor import Proof
from app.domain.accounts.sessions import SignedIn
from app.domain.audit.actions import Action
from app.domain.playback import devices
from app.errors import InvalidCredentials, InvalidInput
from app.web import audit
from app.web.access import require_recent, require_signed_in, set_session_cookie, signed_in
from app.web.auth import blueprint, doors, factor_changes, limits
from app.web.auth.api import user_view
from app.web.auth.factor_schemas import (
    CeremonyDocument,
    NewPasskey,
    NoOptions,
    PasskeyAddedDocument,
    PasskeyAnswer,
    PasskeyDocument,
    PasskeyName,
    PasskeysDocument,
    PasskeySignInDocument,
    SignInOptions,
)
from app.web.auth.factors_api import passkey_view
from app.web.json import read_body
from app.web.openapi import describe

REFUSED = "This passkey did not let you in. Try again, or sign in another way."
OVER = "This took too long. Try again."
ADDED = lazy_gettext("A passkey was added.")


@blueprint.context_processor
def what_buttons_need() -> dict[str, Any]:
    """Let the account's templates ask where passkeys work, and whether this person has one."""

    def has_passkey() -> bool:
        person = signed_in()
        return person is not None and factor_rows.has_passkey(person.user_id)

    return {
        "passkey_origin": lambda: passkeys.relying_party().origin,
        "has_passkey": has_passkey,
    }


@blueprint.post("/api/auth/passkeys/sign-in/options")
@describe({200: CeremonyDocument}, body=SignInOptions)
@limits.limited_by(limits.PASSKEY)
def passkey_sign_in_options() -> Response:
    """Begin a sign-in by passkey; as the second step, by one of the person's own."""
    user = doors.awaited() if read_body(SignInOptions).second_step else None
    return _begin(CeremonyKind.PASSKEY_SIGN_IN, user.id if user else None)


@blueprint.post("/api/auth/passkeys/sign-in")
@describe({200: PasskeySignInDocument}, body=PasskeyAnswer)
@limits.limited_by(limits.PASSKEY)
def passkey_sign_in() -> Response:
    """Start a login session for whose passkey signed the challenge, and set its cookie."""
    body = read_body(PasskeyAnswer)
    ceremony = _end(CeremonyKind.PASSKEY_SIGN_IN)
    if ceremony is None:
        raise InvalidCredentials(OVER)
    try:
        key = passkeys.verify(body.credential, ceremony.challenge, ceremony.user_id)
    except PasskeyRefused as refusal:
        doors.refuse(f"passkey {refusal.fault}", refusal.user_id)
        raise InvalidCredentials(REFUSED) from refusal
    limits.give_back()
    user = users.get_user(key.user_id)
    try:
        return doors.let_in(user, jsonify(user=user_view(user)), Proof.PASSKEY)
    except InvalidCredentials as error:
        raise InvalidCredentials(REFUSED) from error


@blueprint.post("/api/auth/passkeys/confirmation/options")
@describe({200: CeremonyDocument}, body=NoOptions)
@limits.limited_by(limits.CONFIRM)
def passkey_confirmation_options() -> Response:
    """Begin to confirm who one is by one's own passkey."""
    read_body(NoOptions)
    return _begin(CeremonyKind.CONFIRMATION, require_signed_in().user_id)


@blueprint.post("/api/auth/passkeys/confirmation")
@describe({204: None}, body=PasskeyAnswer)
@limits.limited_by(limits.CONFIRM)
def passkey_confirmation() -> Response:
    """Confirm who one is; sensitive acts are then open for 15 minutes."""
    person = require_signed_in()
    body = read_body(PasskeyAnswer)
    ceremony = _end_own(CeremonyKind.CONFIRMATION, person)
    if ceremony is None:
        raise InvalidCredentials(OVER)
    try:
        passkeys.verify(body.credential, ceremony.challenge, person.user_id)
    except PasskeyRefused as refusal:
        audit.note(Action.SECOND_FACTOR_REFUSED, at="confirmation", fault=refusal.fault.value)
        db.session.commit()
        raise InvalidCredentials(REFUSED) from refusal
    limits.give_back()
    token = sessions.rotate_in_place(person.session_id, is_second_factor=True)
    audit.note(Action.IDENTITY_CONFIRMED, by=Proof.PASSKEY.value)
    db.session.commit()
    response = Response(status=204)
    set_session_cookie(response, token)
    return response


@blueprint.post("/api/auth/passkeys/options")
@describe({200: CeremonyDocument}, body=NoOptions)
@limits.limited_by(limits.CHANGE)
def passkey_options() -> Response:
    """Begin to add a passkey."""
    read_body(NoOptions)
    person = require_signed_in()
    require_recent(person)
    return _begin(CeremonyKind.PASSKEY_ADDITION, person.user_id)


@blueprint.post("/api/auth/passkeys")
@describe({201: PasskeyAddedDocument}, body=NewPasskey)
@limits.limited_by(limits.CHANGE)
def add_passkey() -> tuple[Response, int]:
    """Add the passkey that an authenticator has made."""
    person = require_signed_in()
    require_recent(person)
    body = read_body(NewPasskey)
    name = body.name or devices.name_of(request.headers.get("User-Agent", ""))
    ceremony = _end_own(CeremonyKind.PASSKEY_ADDITION, person)
    if ceremony is None:
        raise InvalidInput({"credential": OVER})
    key = passkeys.add(person.user_id, body.credential, ceremony.challenge, name)
    view = passkey_view(key)
    changed = factor_changes.conclude(
        person,
        Action.SECOND_FACTOR_ADDED,
        ADDED,
        is_proof=True,
        detail={"kind": "passkey", "passkey": str(key.id)},
    )
    factor_changes.keep_codes(person, changed.recovery_codes)
    page = "auth.recovery_codes" if changed.recovery_codes else "auth.security"
    answer = jsonify(passkey=view, recovery_codes=changed.recovery_codes, next=url_for(page))
    return changed.onto(answer), 201


@blueprint.get("/api/auth/passkeys")
@describe({200: PasskeysDocument})
def list_passkeys() -> Response:
    """List one's own passkeys."""
    keys = second_factor.factors_of(require_signed_in().user_id).passkeys
    return jsonify(items=[passkey_view(key) for key in keys])


@blueprint.patch("/api/auth/passkeys/<uuid:passkey_id>")
@describe({200: PasskeyDocument}, body=PasskeyName)
@limits.limited_by(limits.CHANGE)
def change_passkey(passkey_id: UUID) -> Response:
    """Give a passkey another name."""
    person = require_signed_in()
    key = passkeys.rename(person.user_id, passkey_id, read_body(PasskeyName).name)
    view = passkey_view(key)
    db.session.commit()
    return jsonify(view)


@blueprint.delete("/api/auth/passkeys/<uuid:passkey_id>")
@describe({204: None})
@limits.limited_by(limits.CHANGE)
def delete_passkey(passkey_id: UUID) -> Response:
    """Remove a passkey."""
    return factor_changes.drop_passkey(require_signed_in(), passkey_id).onto(Response(status=204))


def _begin(kind: CeremonyKind, user_id: UUID | None) -> Response:
    begun = ceremonies.begin(kind, user_id)
    if kind is CeremonyKind.PASSKEY_ADDITION and user_id is not None:
        options = passkeys.addition_options(users.get_user(user_id), begun.challenge)
    else:
        options = passkeys.proof_options(begun.challenge, user_id)
    db.session.commit()
    session[kind.value] = begun.token
    return jsonify(options=options)


def _end(kind: CeremonyKind) -> Ceremony | None:
    """Use up the ceremony that this browser has begun; its answer counts once, right or wrong."""
    return ceremonies.use_up(session.pop(kind.value, None), kind)


def _end_own(kind: CeremonyKind, person: SignedIn) -> Ceremony | None:
    """Do the same for a ceremony that this very person has begun."""
    ceremony = _end(kind)
    return ceremony if ceremony is not None and ceremony.user_id == person.user_id else None
