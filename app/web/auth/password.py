"""Changing a known password: this sign-in goes on under a new token, all others end."""

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.database import db
from app.domain.accounts import recovery
from app.domain.accounts.users import get_user
from app.domain.audit.actions import Action
from app.domain.playback import devices
from app.errors import InvalidInput, TooManyRequests
from app.web import audit
from app.web.access import client_info, require_signed_in, set_session_cookie
from app.web.auth import blueprint, limits
from app.web.auth.identity_forms import PasswordForm
from app.web.auth.identity_schemas import PasswordChange
from app.web.json import read_body
from app.web.openapi import describe


@blueprint.route("/account/password", methods=["GET", "POST"])
@limits.limited_by(limits.CONFIRM)
def password() -> ResponseReturnValue:
    """Ask for the current password and a new one."""
    form = PasswordForm()
    has_password = get_user(require_signed_in().user_id).password_hash is not None
    if request.method == "POST" and form.validate():
        try:
            token = _change(form.current_password.data, form.password.data)
        except InvalidInput as error:
            form.blame(error.fields)
        else:
            flash(gettext("Your password is changed. All other devices are signed out."), "ok")
            response = make_response(redirect(url_for("auth.password"), 303))
            set_session_cookie(response, token)
            return response
    status = 200 if request.method == "GET" else 422
    return render_template("auth/password.html", form=form, has_password=has_password), status


@blueprint.post("/api/auth/password")
@describe({204: None}, body=PasswordChange)
@limits.limited_by(limits.CONFIRM)
def change_password() -> Response:
    """Change one's password; the cookie changes with it, other sign-ins end."""
    body = read_body(PasswordChange)
    response = Response(status=204)
    set_session_cookie(response, _change(body.current_password, body.password))
    return response


def _change(current: str, new: str) -> str:
    person = require_signed_in()
    user = get_user(person.user_id)
    device = devices.name_of(client_info().user_agent)
    try:
        token = recovery.change_password(user, current, new, person.session_id, device)
    except TooManyRequests:
        limits.give_back()
        raise
    except InvalidInput as error:
        db.session.rollback()
        if "current_password" in error.fields:
            audit.note(Action.CONFIRMATION_REFUSED, at="password")
            db.session.commit()
        else:
            limits.give_back()
        raise
    limits.give_back()
    audit.note(Action.PASSWORD_CHANGED)
    db.session.commit()
    return token
