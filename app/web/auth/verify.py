"""Verifying an address by the mailed link. Opening it changes nothing: mail scanners do that."""

from flask import Response, flash, jsonify, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext

from app.database import db
from app.domain.accounts import verification
from app.domain.accounts.models import User
from app.domain.accounts.users import get_user
from app.domain.audit.actions import Action
from app.errors import LinkInvalid
from app.web import audit
from app.web.access import require_signed_in, signed_in
from app.web.auth import blueprint, limits
from app.web.auth.identity_schemas import Link, Nothing
from app.web.auth.links import link_door
from app.web.auth.schemas import AcceptedDocument
from app.web.auth.sign_up import TYPED_EMAIL
from app.web.json import read_body
from app.web.openapi import describe


@blueprint.route("/auth/verify/<token>", methods=["GET", "POST"])
@link_door
def verify(token: str) -> ResponseReturnValue:
    """Show a button, and verify when it is pressed."""
    if request.method == "POST":
        try:
            user = _verify(token)
        except LinkInvalid:
            db.session.rollback()
        else:
            flash(gettext("Your e-mail address is confirmed. Thank you."), "ok")
            return redirect(_next_for(user), 303)
    address = verification.find_address(token)
    if address is None:
        return render_template("auth/verify.html", address=None), 410
    limits.give_back()
    return render_template("auth/verify.html", address=address)


@blueprint.post("/auth/verify/resend")
@limits.limited_by(limits.REQUEST)
def resend_verification() -> ResponseReturnValue:
    """Mail the link again."""
    _ask_again()
    flash(gettext("A mail with a new link is on its way. Earlier links no longer work."), "ok")
    return redirect(url_for("auth.profile"), 303)


@blueprint.post("/api/auth/verify")
@describe({204: None}, body=Link)
@limits.limited_by(limits.LINK)
def verify_by_program() -> Response:
    """Verify an address by the token of its link."""
    _verify(read_body(Link).token)
    return Response(status=204)


@blueprint.post("/api/auth/verify/resend")
@describe({202: AcceptedDocument}, body=Nothing)
@limits.limited_by(limits.REQUEST)
def resend_verification_by_program() -> tuple[Response, int]:
    """Mail the link that verifies one's address again."""
    read_body(Nothing)
    _ask_again()
    return jsonify(status="accepted", next="Open the link in the mail."), 202


def _verify(token: str) -> User:
    user = verification.verify(token)
    limits.give_back()
    audit.note(Action.EMAIL_VERIFIED, subject=user.id)
    db.session.commit()
    return user


def _ask_again() -> None:
    verification.ask(get_user(require_signed_in().user_id), get_locale().language)
    db.session.commit()


def _next_for(user: User) -> str:
    person = signed_in()
    if person is not None and person.user_id == user.id:
        return url_for("auth.profile")
    if person is None:
        session[TYPED_EMAIL] = user.email
    return url_for("auth.sign_in")
