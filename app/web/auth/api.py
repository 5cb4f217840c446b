"""JSON twins of signing up, in and out, and who one is."""

from flask import Response, jsonify

from app.domain.accounts.models import User
from app.domain.accounts.second_factor import Proof
from app.domain.accounts.sessions import SignedIn
from app.errors import SecondFactorRequired
from app.web.access import require_signed_in
from app.web.auth import blueprint, doors, limits
from app.web.auth.schemas import AcceptedDocument, Login, Registration, SignedInDocument
from app.web.auth.welcome import welcome
from app.web.json import read_body
from app.web.openapi import describe


def user_view(user: User | SignedIn) -> dict[str, object]:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "role": user.role.value,
        "locale": user.locale,
        "timezone": user.timezone,
    }


@blueprint.post("/api/auth/register")
@describe({202: AcceptedDocument}, body=Registration)
@limits.counts(limits.SIGN_UP)
def register() -> tuple[Response, int]:
    """Add an account; 202 whether the address was known or not."""
    body = read_body(Registration)
    welcome(body.email, body.password, body.name)
    return jsonify(status="accepted", next="Open the link in the mail, and sign in."), 202


@blueprint.post("/api/auth/login")
@describe({200: SignedInDocument}, body=Login)
@limits.counts(limits.SIGN_IN)
def login() -> Response:
    """Start a login session and set its cookie; with a second factor, `code` is needed, too."""
    body = read_body(Login)
    user = doors.check(body.email, body.password)
    proof = Proof.PASSWORD
    if doors.needs_second_step(user):
        if body.code is None:
            raise SecondFactorRequired
        proof = doors.check_code(user, body.code)
    return doors.let_in(user, jsonify(user=user_view(user)), proof)


@blueprint.post("/api/auth/logout")
@describe({204: None})
def logout() -> Response:
    """End the login session of this cookie."""
    return doors.let_out(Response(status=204))


@blueprint.get("/api/auth/me")
@describe({200: SignedInDocument})
def me() -> Response:
    """Say who is signed in."""
    return jsonify(user=user_view(require_signed_in()))
