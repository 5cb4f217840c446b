"""Deleting one's own account: asked for twice over, two weeks to change one's mind."""

from datetime import datetime

from flask import Response, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from wtforms import EmailField
from wtforms.validators import InputRequired

from app.database import db
from app.domain.accounts import deletion as deletions
from app.domain.accounts.models import User
from app.domain.accounts.users import get_user
from app.domain.audit.actions import Action
from app.domain.checkout.personal import require_deletable
from app.domain.outbox import mail
from app.errors import DeletionRefused, InvalidInput
from app.web import audit
from app.web.access import require_recent, require_signed_in
from app.web.auth import blueprint, limits
from app.web.auth.forms import EMAIL_MISSING, AccountForm
from app.web.auth.schemas import Deletion, DeletionDocument
from app.web.json import read_body
from app.web.openapi import describe

DATA_PATH = "/account/data"


class DeletionForm(AccountForm):
    email = EmailField(
        lazy_gettext("Your e-mail address"),
        [InputRequired(EMAIL_MISSING)],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )


@blueprint.route("/account/data/delete", methods=["GET", "POST"])
@limits.limited_by(limits.CHANGE)
def deletion() -> ResponseReturnValue:
    """Say what deletion means, and have it confirmed."""
    user = _confirmed()
    form = DeletionForm(formdata=request.form if request.method == "POST" else None)
    if user.deletion_due_at is not None:
        return redirect(url_for("auth.data"), 303)
    if request.method == "GET":
        return _page(form, user)
    if form.validate():
        try:
            _request(user, form.email.data)
        except InvalidInput as error:
            form.blame(error.fields)
        except DeletionRefused:  # the page says why
            db.session.rollback()
        else:
            return redirect(url_for("auth.data"), 303)
    return _page(form, get_user(user.id), 422)


@blueprint.post("/account/data/keep")
@limits.limited_by(limits.CHANGE)
def keep_account() -> ResponseReturnValue:
    """Keep the account after all."""
    if _cancel():
        flash(gettext("Your account stays. Welcome back."), "ok")
    return redirect(url_for("auth.data"), 303)


@blueprint.get("/api/auth/deletion")
@describe({200: DeletionDocument})
def get_deletion() -> Response:
    """Say when the account will be deleted, or what keeps it from being deleted."""
    user = get_user(require_signed_in().user_id)
    return jsonify(due_at=user.deletion_due_at, obstacle=obstacle_of(user))


@blueprint.post("/api/auth/deletion")
@describe({202: DeletionDocument}, body=Deletion)
@limits.limited_by(limits.CHANGE)
def create_deletion() -> tuple[Response, int]:
    """Have the account deleted in two weeks."""
    body = read_body(Deletion)
    due = _request(_confirmed(), body.email)
    return jsonify(due_at=due, obstacle=None), 202


@blueprint.delete("/api/auth/deletion")
@describe({204: None})
@limits.limited_by(limits.CHANGE)
def cancel_deletion() -> Response:
    """Keep the account after all."""
    _cancel()
    return Response(status=204)


def obstacle_of(user: User) -> str | None:
    """Return why the account cannot be deleted yet, or None."""
    try:
        require_deletable(user)
    except DeletionRefused as error:
        return error.detail
    return None


def _confirmed() -> User:
    """Return who is signed in, fresh from a proof of it. Raises ConfirmationRequired."""
    person = require_signed_in()
    require_recent(person)
    return get_user(person.user_id)


def _page(form: DeletionForm, user: User, status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "auth/deletion.html",
        form=form,
        user=user,
        days=deletions.GRACE.days,
        obstacle=obstacle_of(user),
    )
    return page, status


def _request(user: User, typed_email: str) -> datetime | None:
    require_deletable(user)
    due = deletions.request(user, typed_email)
    if due is not None:
        mail.send(
            user.email,
            "deletion_requested",
            user.locale,
            name=user.name,
            due=due.isoformat(timespec="seconds"),
            cancel_link=mail.absolute(DATA_PATH),
        )
        audit.note(Action.DELETION_REQUESTED)
    db.session.commit()
    return user.deletion_due_at


def _cancel() -> bool:
    user = get_user(require_signed_in().user_id)
    is_cancelled = deletions.cancel(user)
    if is_cancelled:
        mail.send(user.email, "deletion_cancelled", user.locale, name=user.name)
        audit.note(Action.DELETION_CANCELLED)
    db.session.commit()
    return is_cancelled
