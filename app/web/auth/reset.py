"""The forgotten password: asking for a link, and setting a new one by it."""

from flask import Response, flash, jsonify, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext

from app.database import db
from app.domain.accounts import emails, recovery
from app.domain.accounts.models import User
from app.domain.audit.actions import Action
from app.domain.playback import devices
from app.errors import InvalidInput, LinkInvalid, TooManyRequests
from app.web import audit
from app.web.access import client_info
from app.web.auth import blueprint, limits
from app.web.auth.identity_forms import AddressForm, NewPasswordForm
from app.web.auth.identity_schemas import Address, NewPassword
from app.web.auth.links import link_door
from app.web.auth.schemas import AcceptedDocument
from app.web.auth.sign_up import TYPED_EMAIL
from app.web.json import read_body
from app.web.openapi import describe


@blueprint.route("/auth/reset", methods=["GET", "POST"])
@limits.counts(limits.RESET)
def reset() -> ResponseReturnValue:
    """Ask for the address; the answer is the same whether it is known."""
    form = AddressForm()
    if request.method == "GET":
        form.email.data = session.get(TYPED_EMAIL)
        return render_template("auth/reset.html", form=form)
    if form.validate():
        try:
            _queue_link(form.email.data)
        except InvalidInput as error:
            form.blame(error.fields)
        else:
            flash(
                gettext(
                    "If an account has this address, a mail with a link is on its way. "
                    "The link works for %(n)d minutes.",
                    n=int(recovery.LIFETIME.total_seconds() // 60),
                ),
                "ok",
            )
            session[TYPED_EMAIL] = form.email.data
            return redirect(url_for("auth.sign_in"), 303)
    return render_template("auth/reset.html", form=form), 422


@blueprint.route("/auth/reset/<token>", methods=["GET", "POST"])
@link_door
def set_password(token: str) -> ResponseReturnValue:
    """Ask for a new password and set it."""
    form = NewPasswordForm()
    if request.method == "POST" and form.validate():
        try:
            user = _set_password(token, form.password.data)
        except InvalidInput as error:
            form.blame(error.fields)
        except LinkInvalid:
            db.session.rollback()
        else:
            return _to_sign_in(user)
    user_of_link = recovery.find_person(token)
    if user_of_link is None:
        return render_template("auth/set_password.html", form=None), 410
    limits.give_back()
    status = 200 if request.method == "GET" else 422
    address = user_of_link.email
    return render_template("auth/set_password.html", form=form, address=address), status


@blueprint.post("/api/auth/reset")
@describe({202: AcceptedDocument}, body=Address)
@limits.counts(limits.RESET)
def reset_by_program() -> tuple[Response, int]:
    """Mail a link that sets a new password; 202 whether the address is known or not."""
    _queue_link(read_body(Address).email)
    return jsonify(status="accepted", next="Open the link in the mail."), 202


@blueprint.post("/api/auth/reset/confirm")
@describe({204: None}, body=NewPassword)
@limits.limited_by(limits.LINK)
def set_password_by_program() -> Response:
    """Set a new password by the token of a link; every sign-in of the account ends."""
    body = read_body(NewPassword)
    _set_password(body.token, body.password)
    return Response(status=204)


def _queue_link(email: str) -> None:
    if fault := emails.find_fault(email):
        raise InvalidInput({"email": fault})
    limits.RESET.count(email=email)
    user_id = recovery.queue_link(email, get_locale().language)
    audit.note(Action.PASSWORD_RESET_REQUESTED, subject=user_id)
    db.session.commit()


def _set_password(token: str, password: str) -> User:
    device = devices.name_of(client_info().user_agent)
    try:
        user = recovery.reset(token, password, device)
    except (InvalidInput, TooManyRequests):
        limits.give_back()  # the link was good
        raise
    limits.give_back()
    audit.note(Action.PASSWORD_RESET, subject=user.id)
    db.session.commit()
    return user


def _to_sign_in(user: User) -> ResponseReturnValue:
    flash(
        gettext(
            "Your new password is set, and every device is signed out. Sign in with it."
            " API keys of the account no longer work."
        ),
        "ok",
    )
    session[TYPED_EMAIL] = user.email
    return redirect(url_for("auth.sign_in"), 303)
