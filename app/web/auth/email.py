"""Moving one's account to another address, and the two links that confirm it."""

from flask import Response, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.database import db
from app.domain.accounts import email_change, one_time
from app.domain.accounts.email_change import Change
from app.domain.accounts.models import TokenPurpose
from app.domain.accounts.users import get_user
from app.domain.audit.actions import Action
from app.errors import InvalidInput, LinkInvalid
from app.web import audit
from app.web.access import require_recent, require_signed_in, signed_in
from app.web.auth import blueprint, limits
from app.web.auth.identity_forms import NewAddressForm
from app.web.auth.identity_schemas import Address, EmailDocument, Link
from app.web.auth.links import link_door
from app.web.json import read_body
from app.web.openapi import describe

OLD, NEW = TokenPurpose.CHANGE_EMAIL_OLD, TokenPurpose.CHANGE_EMAIL_NEW


@blueprint.route("/account/email", methods=["GET", "POST"])
@limits.limited_by(limits.REQUEST)
def email() -> ResponseReturnValue:
    """Show one's address and where it is moving; ask for another one."""
    person = require_signed_in()
    form = NewAddressForm()
    if request.method == "POST":
        require_recent(person)
        if form.validate():
            try:
                _request(form.email.data)
            except InvalidInput as error:
                db.session.rollback()
                form.blame(error.fields)
            else:
                return redirect(url_for("auth.email"), 303)
    change = email_change.find_pending(person.user_id)
    status = 200 if request.method == "GET" else 422
    return render_template("auth/email.html", form=form, change=change), status


@blueprint.post("/account/email/cancel")
@limits.limited_by(limits.CHANGE)
def cancel_email() -> ResponseReturnValue:
    """Withdraw the change that is under way."""
    _cancel()
    flash(gettext("Your address stays as it is."), "ok")
    return redirect(url_for("auth.email"), 303)


@blueprint.route("/auth/verify/old-email/<token>", methods=["GET", "POST"])
@link_door
def confirm_old_email(token: str) -> ResponseReturnValue:
    """Ask at the old address whether the account may move."""
    change, status = _answer(token, OLD)
    if change is not None and status == 303:
        return redirect(_next(), 303)
    return render_template("auth/confirm_old_email.html", change=change, token=token), status


@blueprint.route("/auth/verify/new-email/<token>", methods=["GET", "POST"])
@link_door
def confirm_new_email(token: str) -> ResponseReturnValue:
    """Ask at the new address whether it is theirs."""
    change, status = _answer(token, NEW)
    if change is not None and status == 303:
        return redirect(_next(), 303)
    return render_template("auth/confirm_new_email.html", change=change, token=token), status


@blueprint.route("/auth/verify/old-email/<token>/stop", methods=["GET", "POST"])
@link_door
def stop_email_change(token: str) -> ResponseReturnValue:
    """Withdraw a change from the old address."""
    change = email_change.find_to_stop(token)
    if change is None:
        return render_template("auth/stop_email_change.html", change=None), 410
    limits.give_back()
    if request.method == "GET":
        return render_template("auth/stop_email_change.html", change=change)
    email_change.stop(token)
    audit.note(Action.EMAIL_CHANGE_CANCELLED, subject=change.user_id, at="old")
    db.session.commit()
    flash(
        gettext(
            "The account stays at its address. If you did not ask for the change, somebody may "
            "know your password: set a new one."
        ),
        "ok",
    )
    return redirect(url_for("auth.reset"), 303)


@blueprint.get("/api/auth/email")
@describe({200: EmailDocument})
def get_email() -> Response:
    """Return one's address, and where it is moving."""
    return jsonify(_document())


@blueprint.post("/api/auth/email")
@describe({202: EmailDocument}, body=Address)
@limits.limited_by(limits.REQUEST)
def request_email() -> tuple[Response, int]:
    """Ask for another address; it holds once both have confirmed it."""
    require_recent(require_signed_in())
    _request(read_body(Address).email)
    return jsonify(_document()), 202


@blueprint.delete("/api/auth/email")
@describe({204: None})
@limits.limited_by(limits.CHANGE)
def cancel_email_by_program() -> Response:
    """Withdraw the change that is under way."""
    _cancel()
    return Response(status=204)


@blueprint.post("/api/auth/email/confirm")
@describe({204: None}, body=Link)
@limits.limited_by(limits.LINK)
def confirm_email_by_program() -> Response:
    """Confirm a change of address by the token of either link."""
    token = read_body(Link).token
    _confirm(token, OLD if one_time.find_open(token, OLD) else NEW)
    return Response(status=204)


def _request(address: str) -> None:
    person = require_signed_in()
    email_change.request(person.user_id, address)
    audit.note(Action.EMAIL_CHANGE_REQUESTED)
    db.session.commit()


def _cancel() -> None:
    person = require_signed_in()
    email_change.cancel(person.user_id)
    audit.note(Action.EMAIL_CHANGE_CANCELLED, at="account")
    db.session.commit()


def _answer(token: str, purpose: TokenPurpose) -> tuple[Change | None, int]:
    """Return the change of a link and the status: 303 once it is confirmed, 410 when it is over."""
    change = email_change.find_by_link(token, purpose)
    if change is None:
        return None, 410
    if request.method != "POST":
        limits.give_back()
        return change, 200
    try:
        done = _confirm(token, purpose)
    except LinkInvalid:
        db.session.rollback()
        return None, 410
    except InvalidInput as error:
        flash(gettext(error.fields["email"]), "danger")
        return change, 303
    if done.is_complete:
        flash(gettext("Done: the account is now at %(email)s.", email=done.new_email), "ok")
    else:
        flash(gettext("Thank you. The other address has to confirm the change, too."), "ok")
    return done, 303


def _confirm(token: str, purpose: TokenPurpose) -> Change:
    """Confirm by one link; a change to an address that is gone is withdrawn."""
    change = email_change.find_by_link(token, purpose)
    try:
        done = email_change.confirm(token, purpose)
    except InvalidInput:
        db.session.rollback()
        if change is not None:
            email_change.cancel(change.user_id)
            audit.note(Action.EMAIL_CHANGE_CANCELLED, subject=change.user_id, at="taken")
            db.session.commit()
        raise
    limits.give_back()
    if done.is_complete:
        audit.note(Action.EMAIL_CHANGED, subject=done.user_id)
    db.session.commit()
    return done


def _next() -> str:
    return url_for("auth.email" if signed_in() else "auth.sign_in")


def _document() -> dict[str, object]:
    person = require_signed_in()
    user = get_user(person.user_id)
    change = email_change.find_pending(person.user_id)
    return {
        "email": user.email,
        "verified_at": user.email_verified_at,
        "change": change
        and {
            "new_email": change.new_email,
            "expires_at": change.expires_at,
            "is_old_confirmed": change.is_old_confirmed,
            "is_new_confirmed": change.is_new_confirmed,
        },
    }
