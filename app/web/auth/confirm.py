"""The step-up: who is signed in shows again that it is them, before something sensitive."""

from flask import Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.database import db
from app.domain.accounts import recovery, second_factor, sessions
from app.domain.accounts.models import SessionKind
from app.domain.accounts.sessions import SignedIn
from app.domain.accounts.users import get_user
from app.domain.audit.actions import Action
from app.errors import Forbidden, InvalidInput, TooManyRequests
from app.web import audit
from app.web.access import require_signed_in, set_session_cookie
from app.web.auth import blueprint, limits
from app.web.auth.destinations import local_path
from app.web.auth.identity_forms import ConfirmationForm
from app.web.auth.identity_schemas import Confirmation
from app.web.json import read_body
from app.web.openapi import describe

WRONG = {
    "password": "That is not your password.",
    "code": "This code is wrong, has been used, or is too old.",
}
POINTLESS = ("/auth/", "/api/", "/media/", "/static/", "/account/confirm")


@blueprint.route("/account/confirm", methods=["GET", "POST"])
@limits.limited_by(limits.CONFIRM)
def confirm() -> ResponseReturnValue:
    """Ask for the password or a code, and go on to where the person was going."""
    person = require_signed_in()
    form = ConfirmationForm()
    if request.method == "GET":
        form.next.data = local_path(request.args.get("next")) or ""
    elif form.validate():
        try:
            token = _confirm(person, form.password.data, form.code.data)
        except InvalidInput as error:
            form.blame(error.fields)
        else:
            response = make_response(redirect(_destination(form.next.data), 303))
            set_session_cookie(response, token)
            return response
    status = 200 if request.method == "GET" else 422
    user = get_user(person.user_id)
    return render_template(
        "auth/confirm.html",
        form=form,
        has_password=user.password_hash is not None,
        has_factor=person.second_factor_added_at is not None,
        destination=_destination(form.next.data),
    ), status


@blueprint.post("/api/auth/confirm")
@describe({204: None}, body=Confirmation)
@limits.limited_by(limits.CONFIRM)
def confirm_by_program() -> Response:
    """Prove by password or code that it is still you; the cookie changes with it."""
    person = require_signed_in()
    if person.kind is not SessionKind.BROWSER:
        raise Forbidden("An API key cannot confirm who uses it.")
    body = read_body(Confirmation)
    response = Response(status=204)
    set_session_cookie(response, _confirm(person, body.password, body.code))
    return response


def _confirm(person: SignedIn, password: str | None, code: str | None) -> str:
    """Return the sign-in's new token. Raises InvalidInput naming the field that proves nothing."""
    if not password and not code:
        limits.give_back()
        raise InvalidInput({"password": "Enter your password."})
    field = "code" if code else "password"
    try:
        is_proved = _proves(person, password or "", code)
    except TooManyRequests:
        limits.give_back()
        raise
    if not is_proved:
        audit.note(Action.CONFIRMATION_REFUSED, by=field)
        db.session.commit()
        raise InvalidInput({field: WRONG[field]})
    limits.give_back()
    token = sessions.rotate_in_place(
        person.session_id, is_proof=True, is_second_factor=field == "code"
    )
    audit.note(Action.IDENTITY_CONFIRMED, by=field)
    db.session.commit()
    return token


def _proves(person: SignedIn, password: str, code: str | None) -> bool:
    if not code:
        return recovery.is_password(get_user(person.user_id), password)
    limits.SECOND_FACTOR.count(person=person.user_id)
    return second_factor.check(person, code)


def _destination(wanted: str | None) -> str:
    path = local_path(wanted)
    if path is None or path.startswith(POINTLESS):
        return url_for("auth.profile")
    return path
