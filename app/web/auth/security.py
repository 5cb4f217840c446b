"""The page of one's second factors: the authenticator app, passkeys, recovery codes."""

from urllib.parse import quote
from uuid import UUID

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from app.current import settings
from app.database import db
from app.domain.accounts import passkeys, second_factor, totp
from app.domain.accounts.sealing import Purpose
from app.domain.accounts.sessions import SignedIn
from app.domain.audit.actions import Action
from app.domain.playback import devices
from app.errors import Forbidden, InvalidInput, NotFound
from app.web.access import require_recent, require_signed_in
from app.web.auth import blueprint, factor_changes, limits
from app.web.auth.factor_forms import AppCodeForm, PasskeyNameForm
from app.web.auth.passkeys import drop_passkey

APP_ADDED = lazy_gettext("An authenticator app was set up.")
APP_REMOVED = lazy_gettext("The authenticator app was removed.")
CODES_MADE = lazy_gettext("New recovery codes were made. The older ones no longer work.")
SECURITY = "auth.security"
FEW_CODES = 3


@blueprint.get("/account/security")
def security() -> str:
    """Show what proves who one is, and offer to change it."""
    person = require_signed_in()
    factors = second_factor.factors_of(person.user_id)
    return render_template(
        "auth/security.html",
        factors=factors,
        is_required=second_factor.is_required(person.role),
        has_few_codes=factors.recovery_codes_left < FEW_CODES,
        origin=passkeys.relying_party().origin,
        device=devices.name_of(request.headers.get("User-Agent", "")),
        max_name_length=passkeys.MAX_NAME_LENGTH,
    )


@blueprint.post("/account/security/totp/begin")
@limits.limited_by(limits.CHANGE)
def begin_totp() -> ResponseReturnValue:
    """Make a secret for an authenticator app and show it."""
    person = require_signed_in()
    require_recent(person)
    factor_changes.keep(Purpose.TOTP_SET_UP, person, totp.new_secret())
    return redirect(url_for("auth.totp_set_up"), 303)


@blueprint.route("/account/security/totp", methods=["GET", "POST"])
@limits.limited_by(limits.CHANGE)
def totp_set_up() -> ResponseReturnValue:
    """Show the secret and take the code that confirms it."""
    person = require_signed_in()
    require_recent(person)
    secret = factor_changes.kept(Purpose.TOTP_SET_UP, person)
    if secret is None:
        return redirect(url_for(SECURITY), 303)
    form = AppCodeForm()
    if request.method == "POST" and form.validate():
        try:
            return add_app(person, secret, form.code.data)
        except InvalidInput as error:
            db.session.rollback()
            form.blame(error.fields)
    form.code.data = None
    address = totp.address(secret, person.email)
    page = render_template(
        "auth/totp_set_up.html",
        form=form,
        secret=totp.grouped(secret),
        address=address,
        picture=picture_of(address),
    )
    return page, 422 if request.method == "POST" else 200


def add_app(person: SignedIn, secret: str, code: str) -> Response:
    """Confirm the app and lead on, by way of the recovery codes when there are new ones."""
    totp.add(person.user_id, secret, code)
    changed = factor_changes.conclude(
        person, Action.SECOND_FACTOR_ADDED, APP_ADDED, is_proof=True, kind="totp"
    )
    factor_changes.forget(Purpose.TOTP_SET_UP)
    factor_changes.keep_codes(person, changed.recovery_codes)
    flash(gettext("Your authenticator app is set up."), "ok")
    page = "auth.recovery_codes" if changed.recovery_codes else SECURITY
    return changed.onto(make_response(redirect(url_for(page), 303)))


@blueprint.post("/account/security/totp/remove")
@limits.limited_by(limits.CHANGE)
def remove_totp() -> Response:
    """Remove the authenticator app."""
    person = require_signed_in()
    require_recent(person)
    try:
        was_there = second_factor.remove_totp(person.user_id)
    except Forbidden as error:
        return _back_with(error)
    if not was_there:
        return make_response(redirect(url_for(SECURITY), 303))
    changed = factor_changes.conclude(
        person, Action.SECOND_FACTOR_REMOVED, APP_REMOVED, kind="totp"
    )
    return _back(changed, gettext("Your authenticator app is removed."))


@blueprint.route("/account/security/recovery-codes", methods=["GET", "POST"])
@limits.limited_by(limits.CHANGE)
def recovery_codes() -> ResponseReturnValue:
    """Show new recovery codes once; make new ones on request."""
    person = require_signed_in()
    if request.method == "POST":
        return _make_codes(person)
    kept = factor_changes.kept(Purpose.RECOVERY_CODES, person, once=True)
    if kept is None:
        flash(gettext("Recovery codes are shown once. Make new ones if you did not keep them."))
        return redirect(url_for(SECURITY), 303)
    codes = kept.split(factor_changes.SEPARATOR)
    return render_template("auth/recovery_codes.html", codes=codes, file=_as_file(person, codes))


@blueprint.post("/account/security/passkeys/<uuid:passkey_id>/rename")
@limits.limited_by(limits.CHANGE)
def rename_passkey(passkey_id: UUID) -> ResponseReturnValue:
    """Give a passkey another name."""
    person = require_signed_in()
    form = PasskeyNameForm()
    try:
        passkeys.rename(person.user_id, passkey_id, form.name.data or "")
    except InvalidInput as error:
        db.session.rollback()
        flash(gettext(error.fields["name"]), "danger")
    else:
        db.session.commit()
        flash(gettext("The passkey has its new name."), "ok")
    return redirect(url_for(SECURITY), 303)


@blueprint.post("/account/security/passkeys/<uuid:passkey_id>/remove")
@limits.limited_by(limits.CHANGE)
def remove_passkey(passkey_id: UUID) -> ResponseReturnValue:
    """Remove a passkey."""
    try:
        changed = drop_passkey(require_signed_in(), passkey_id)
    except NotFound:  # a second click
        return redirect(url_for(SECURITY), 303)
    except Forbidden as error:
        return _back_with(error)
    return _back(changed, gettext("The passkey is removed."))


def picture_of(address: str) -> str:
    """Return the QR code of an address as a data: address of an SVG image."""
    import segno  # noqa: PLC0415 - few processes ever draw one

    code = segno.make(address, error="m", micro=False)
    return str(code.svg_data_uri(scale=4, border=4, dark="#000", light="#fff"))


def _make_codes(person: SignedIn) -> Response:
    require_recent(person)
    if second_factor.factors_of(person.user_id).is_empty:
        return make_response(redirect(url_for(SECURITY), 303))
    changed = factor_changes.conclude(
        person, Action.RECOVERY_CODES_MADE, CODES_MADE, new_codes=True
    )
    factor_changes.keep_codes(person, changed.recovery_codes)
    return changed.onto(make_response(redirect(url_for("auth.recovery_codes"), 303)))


def _as_file(person: SignedIn, codes: list[str]) -> dict[str, str]:
    """Return a text file as an address that holds it: the server keeps no copy to serve."""
    heading = gettext(
        "Recovery codes for %(email)s at %(site)s", email=person.email, site=settings.site_name
    )
    note = gettext("Each code signs you in once, in place of your second factor.")
    text = "\n".join((heading, note, "", *codes, ""))
    return {"name": "recovery-codes.txt", "address": f"data:text/plain;charset=utf-8,{quote(text)}"}


def _back(changed: factor_changes.Changed, said: str) -> Response:
    flash(said, "ok")
    return changed.onto(make_response(redirect(url_for(SECURITY), 303)))


def _back_with(error: Forbidden) -> Response:
    db.session.rollback()
    flash(gettext(error.detail), "warn")
    return make_response(redirect(url_for(SECURITY), 303))
