"""The accounts that transfers go to: pages to add, change, order and delete them, and their JSON.

Money is sent where these say, so each act asks for a recent proof of who is acting.
"""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import Response, flash, jsonify, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from app.database import db
from app.domain.audit.actions import Action
from app.domain.checkout import transfer_methods as methods
from app.domain.checkout.transfer_methods import MAX_INSTRUCTIONS_LENGTH, MAX_LINE_LENGTH
from app.domain.courses.course_fields import CURRENCIES
from app.domain.site import choices
from app.errors import InUse, InvalidInput, VersionConflict
from app.web import audit
from app.web.admin import blueprint
from app.web.admin.forms import BlamedForm
from app.web.admin.site_acts import require_acting_owner, require_owner
from app.web.admin.transfer_methods_schemas import (
    TransferMethodChange,
    TransferMethodDocument,
    TransferMethodFields,
    TransferMethodsDocument,
)
from app.web.json import read_body
from app.web.openapi import describe

KIND = "transfer_method"
FIELDS = ("name", "account_name", "account_number", "instructions", "currency", "is_active")
LINE: dict[str, Any] = {"maxlength": MAX_LINE_LENGTH, "autocomplete": "off"}


class TransferMethodForm(BlamedForm):
    """Where money is sent, as payers read it."""

    version = HiddenField()
    name = StringField(
        lazy_gettext("Bank or wallet"),
        [InputRequired(lazy_gettext("Say which bank or wallet it is, such as Telebirr."))],
        render_kw=LINE,
    )
    account_name = StringField(
        lazy_gettext("Name on the account"),
        [InputRequired(lazy_gettext("Say in whose name the account is."))],
        render_kw=LINE,
    )
    account_number = StringField(
        lazy_gettext("Account number"),
        [InputRequired(lazy_gettext("Give the account's number, as payers type it."))],
        render_kw={**LINE, "spellcheck": "false"},
    )
    currency = SelectField(
        lazy_gettext("Currency"),
        choices=[
            SelectChoice("", lazy_gettext("Any")),
            *(SelectChoice(code, code) for code in CURRENCIES),
        ],
    )
    instructions = TextAreaField(
        lazy_gettext("What payers have to know"),
        render_kw={"rows": 3, "maxlength": MAX_INSTRUCTIONS_LENGTH},
    )
    is_active = BooleanField(lazy_gettext("Offer it at the checkout"), default=True)

    def fields(self) -> dict[str, Any]:
        """Return what was filled in."""
        return {name: self[name].data for name in FIELDS}

    def seen(self) -> int | None:
        """Return the version that the form was filled from."""
        return int(self.version.data) if (self.version.data or "").isdecimal() else None


@blueprint.route("/admin/settings/transfer-methods", methods=["GET", "POST"])
def transfer_methods() -> ResponseReturnValue:
    """List the accounts and add one."""
    require_acting_owner()
    form = TransferMethodForm()
    if form.validate_on_submit():
        try:
            _create(form.fields())
        except InvalidInput as error:
            db.session.rollback()
            form.blame(error.fields)
        else:
            flash(gettext("The account is there."), "ok")
            return redirect(url_for("admin.transfer_methods"), 303)
    page = render_template(
        "admin/transfer_methods.html",
        form=form,
        accounts=methods.list_methods(),
        is_on=choices.read().takes_transfers,
    )
    return page, 422 if form.is_submitted() else 200


@blueprint.route("/admin/settings/transfer-methods/<uuid:method_id>", methods=["GET", "POST"])
def transfer_method(method_id: UUID) -> ResponseReturnValue:
    """Change an account."""
    require_acting_owner()
    account = methods.get_method(method_id)
    form = TransferMethodForm(data={**asdict(account), "currency": account.currency or ""})
    status = 422 if form.is_submitted() else 200
    is_stale = False
    if form.validate_on_submit():
        try:
            _change(method_id, form.fields(), version=form.seen())
        except InvalidInput as error:
            db.session.rollback()
            form.blame(error.fields)
        except VersionConflict as error:
            db.session.rollback()
            form.version.process_data(str(error.extra["current"]["version"]))
            status, is_stale = 409, True
        else:
            flash(gettext("Saved."), "ok")
            return redirect(url_for("admin.transfer_methods"), 303)
    page = render_template(
        "admin/transfer_method.html", form=form, account=account, is_stale=is_stale
    )
    return page, status


@blueprint.post("/admin/settings/transfer-methods/<uuid:method_id>/move/<any('up', 'down'):way>")
def move_transfer_method(method_id: UUID, way: str) -> ResponseReturnValue:
    """Move an account by one place."""
    require_acting_owner()
    account = methods.get_method(method_id)
    places = [one.id for one in methods.list_methods()]
    position = places.index(account.id) + (1 if way == "down" else -1)
    _change(method_id, {}, position=max(position, 0))
    return redirect(url_for("admin.transfer_methods", _anchor=f"account-{method_id}"), 303)


@blueprint.post("/admin/settings/transfer-methods/<uuid:method_id>/delete")
def drop_transfer_method(method_id: UUID) -> ResponseReturnValue:
    """Delete an account that no order waits on."""
    try:
        _delete(method_id)
    except InUse as error:
        db.session.rollback()
        flash(gettext(error.detail), "danger")
        return redirect(url_for("admin.transfer_method", method_id=method_id), 303)
    flash(gettext("The account is deleted."), "ok")
    return redirect(url_for("admin.transfer_methods"), 303)


@blueprint.get("/api/admin/transfer-methods")
@describe({200: TransferMethodsDocument})
def list_transfer_methods() -> Response:
    """List every account in its order."""
    require_owner()
    return jsonify(items=[asdict(account) for account in methods.list_methods()])


@blueprint.post("/api/admin/transfer-methods")
@describe({201: TransferMethodDocument}, body=TransferMethodFields)
def create_transfer_method() -> ResponseReturnValue:
    """Add an account behind the others."""
    require_acting_owner()
    made_id = _create(read_body(TransferMethodFields).model_dump())
    return _document(made_id), 201


@blueprint.get("/api/admin/transfer-methods/<uuid:method_id>")
@describe({200: TransferMethodDocument})
def get_transfer_method(method_id: UUID) -> Response:
    """Return an account."""
    require_owner()
    return _document(method_id)


@blueprint.patch("/api/admin/transfer-methods/<uuid:method_id>")
@describe({200: TransferMethodDocument}, body=TransferMethodChange)
def change_transfer_method(method_id: UUID) -> Response:
    """Change the fields that are sent."""
    require_acting_owner()
    body = read_body(TransferMethodChange)
    sent = body.model_dump(include=body.model_fields_set & set(FIELDS))
    _change(method_id, sent, position=body.position, version=body.version)
    return _document(method_id)


@blueprint.delete("/api/admin/transfer-methods/<uuid:method_id>")
@describe({204: None})
def delete_transfer_method(method_id: UUID) -> ResponseReturnValue:
    """Delete an account that no order waits on."""
    _delete(method_id)
    return "", 204


def _create(fields: dict[str, Any]) -> UUID:
    made = methods.create(fields)
    audit.note(
        Action.TRANSFER_METHOD_CREATED,
        subject=made.id,
        subject_kind=KIND,
        name=made.name,
        account_number=made.account_number,
    )
    db.session.commit()
    return made.id


def _change(
    method_id: UUID,
    fields: dict[str, Any],
    *,
    position: int | None = None,
    version: int | None = None,
) -> None:
    before = methods.get_method(method_id)
    changed = methods.change(method_id, fields, position=position, version=version)
    if changed:
        after = methods.get_method(method_id)
        audit.note(
            Action.TRANSFER_METHOD_CHANGED,
            subject=method_id,
            subject_kind=KIND,
            before={name: getattr(before, name) for name in changed},
            after={name: getattr(after, name) for name in changed},
        )
    db.session.commit()


def _delete(method_id: UUID) -> None:
    require_acting_owner()
    name = methods.delete(method_id)
    audit.note(Action.TRANSFER_METHOD_DELETED, subject=method_id, subject_kind=KIND, name=name)
    db.session.commit()


def _document(method_id: UUID) -> Response:
    return jsonify(transfer_method=asdict(methods.get_method(method_id)))
