"""The page of one's second factors: the authenticator app, passkeys, recovery codes."""

from urllib.parse import quote
from uuid import UUID

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.database import db
from app.domain.accounts import passkeys, second_factor, totp
from app.domain.accounts.sealing import Purpose
from app.domain.accounts.sessions import SignedIn
from app.domain.playback import devices
from app.domain.site import choices
from app.errors import Forbidden, InvalidInput, NotFound
from app.web.access import require_recent, require_signed_in
from app.web.auth import blueprint, factor_changes, limits
from app.web.auth.factor_forms import AppCodeForm, PasskeyNameForm

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
        device=devices.name_of(request.headers.get("User-Agent", "")),
        max_name_length=passkeys.MAX_NAME_LENGTH,
    )


@blueprint.post("/account/security/totp/begin")
@limits.limited_by(limits.CHANGE)
def begin_totp() -> ResponseReturnValue:
    """Make a secret for an authenticator app and show it."""
    factor_changes.begin_app(require_signed_in())
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
            return _app_added(person, factor_changes.add_app(person, form.code.data))
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


@blueprint.post("/account/security/totp/remove")
@limits.limited_by(limits.CHANGE)
def remove_totp() -> Response:
    """Remove the authenticator app."""
    try:
        changed = factor_changes.drop_app(require_signed_in())
    except (NotFound, Forbidden) as error:
        return _back_unchanged(error)
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
def remove_passkey(passkey_id: UUID) -> Response:
    """Remove a passkey."""
    try:
        changed = factor_changes.drop_passkey(require_signed_in(), passkey_id)
    except (NotFound, Forbidden) as error:
        return _back_unchanged(error)
    return _back(changed, gettext("The passkey is removed."))


def picture_of(address: str) -> str:
    """Return the QR code of an address as a data: address of an SVG image."""
    import segno  # noqa: PLC0415 - few processes ever draw one

    code = segno.make(address, error="m", micro=False)
    return str(code.svg_data_uri(scale=4, border=4, dark="#000", light="#fff"))


def _app_added(person: SignedIn, changed: factor_changes.Changed) -> Response:
    """Lead on, by way of the recovery codes when there are new ones."""
    factor_changes.keep_codes(person, changed.recovery_codes)
    flash(gettext("Your authenticator app is set up."), "ok")
    page = "auth.recovery_codes" if changed.recovery_codes else SECURITY
    return changed.onto(make_response(redirect(url_for(page), 303)))


def _make_codes(person: SignedIn) -> Response:
    try:
        changed = factor_changes.make_codes(person)
    except NotFound as error:
        return _back_unchanged(error)
    factor_changes.keep_codes(person, changed.recovery_codes)
    return changed.onto(make_response(redirect(url_for("auth.recovery_codes"), 303)))


def _as_file(person: SignedIn, codes: list[str]) -> dict[str, str]:
    """Return a text file as an address that holds it: the server keeps no copy to serve."""
    heading = gettext(
        "Recovery codes for %(email)s at %(site)s", email=person.email, site=choices.current().name
    )
    note = gettext("Each code signs you in once, in place of your second factor.")
    text = "\n".join((heading, note, "", *codes, ""))
    return {"name": "recovery-codes.txt", "address": f"data:text/plain;charset=utf-8,{quote(text)}"}


def _back(changed: factor_changes.Changed, said: str) -> Response:
    flash(said, "ok")
    return changed.onto(make_response(redirect(url_for(SECURITY), 303)))


def _back_unchanged(error: NotFound | Forbidden) -> Response:
    """Say why nothing was changed; a second click on what is done already needs no words."""
    db.session.rollback()
    if isinstance(error, Forbidden):
        flash(gettext(error.detail), "warn")
    return make_response(redirect(url_for(SECURITY), 303))
