"""The shelves of the catalog: pages to make, change, order and delete them, and their JSON."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import Response, flash, jsonify, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from wtforms import IntegerRangeField, StringField, TextAreaField
from wtforms.validators import InputRequired

from app.database import db
from app.domain.accounts.models import Role
from app.domain.audit.actions import Action
from app.domain.courses import category_edits
from app.domain.courses.category_edits import MAX_DESCRIPTION_LENGTH, MAX_NAME_LENGTH, Shelf
from app.domain.courses.models import Category
from app.errors import InUse, InvalidInput
from app.web import audit
from app.web.access import require_role
from app.web.admin import blueprint
from app.web.admin.forms import BlamedForm
from app.web.admin.site_schemas import (
    CategoryChange,
    CategoryFields,
    StaffCategoriesDocument,
    StaffCategoryDocument,
)
from app.web.json import read_body
from app.web.openapi import describe

KIND = "category"
DEFAULT_HUE = 208


class CategoryForm(BlamedForm):
    name = StringField(
        lazy_gettext("Name"),
        [InputRequired(lazy_gettext("Give the category a name."))],
        render_kw={"maxlength": MAX_NAME_LENGTH, "autocomplete": "off"},
    )
    description = TextAreaField(
        lazy_gettext("Description"), render_kw={"rows": 2, "maxlength": MAX_DESCRIPTION_LENGTH}
    )
    hue = IntegerRangeField(
        lazy_gettext("Hue of its covers"),
        default=DEFAULT_HUE,
        render_kw={"min": 0, "max": 359, "step": 1},
    )


@blueprint.route("/admin/categories", methods=["GET", "POST"])
def categories() -> ResponseReturnValue:
    """List the shelves and make one."""
    require_role(Role.ADMIN)
    form = CategoryForm()
    if form.validate_on_submit():
        try:
            _create(form.name.data, form.description.data or "", form.hue.data)
        except InvalidInput as error:
            db.session.rollback()
            form.blame(error.fields)
        else:
            flash(gettext("The category is there."), "ok")
            return redirect(url_for("admin.categories"), 303)
    page = render_template(
        "admin/categories.html", form=form, shelves=category_edits.list_shelves()
    )
    return page, 422 if form.is_submitted() else 200


@blueprint.route("/admin/categories/<uuid:category_id>", methods=["GET", "POST"])
def category(category_id: UUID) -> ResponseReturnValue:
    """Change a shelf."""
    require_role(Role.ADMIN)
    shelf = category_edits.get_shelf(category_id)
    form = CategoryForm(data=asdict(shelf))
    if form.validate_on_submit():
        fields = ("name", "description", "hue")
        try:
            _change(category_id, {name: form[name].data for name in fields})
        except InvalidInput as error:
            db.session.rollback()
            form.blame(error.fields)
        else:
            flash(gettext("Saved."), "ok")
            return redirect(url_for("admin.categories"), 303)
    page = render_template("admin/category.html", form=form, shelf=shelf)
    return page, 422 if form.is_submitted() else 200


@blueprint.post("/admin/categories/<uuid:category_id>/move/<any('up', 'down'):way>")
def move_category(category_id: UUID, way: str) -> ResponseReturnValue:
    """Move a shelf by one place."""
    require_role(Role.ADMIN)
    places = [shelf.id for shelf in category_edits.list_shelves()]
    category_edits.get_shelf(category_id)
    position = places.index(category_id) + (1 if way == "down" else -1)
    _change(category_id, {"position": max(position, 0)})
    return redirect(url_for("admin.categories", _anchor=f"shelf-{category_id}"), 303)


@blueprint.post("/admin/categories/<uuid:category_id>/delete")
def drop_category(category_id: UUID) -> ResponseReturnValue:
    """Delete a shelf that is empty."""
    try:
        _delete(category_id)
    except InUse as error:
        db.session.rollback()
        count = error.extra["course_count"]
        text = gettext("Courses in this category: %(n)d. Move them to another one first.", n=count)
        flash(text, "danger")
        return redirect(url_for("admin.category", category_id=category_id), 303)
    flash(gettext("The category is deleted."), "ok")
    return redirect(url_for("admin.categories"), 303)


@blueprint.get("/api/admin/categories")
@describe({200: StaffCategoriesDocument})
def list_categories() -> Response:
    """List every category in its order."""
    return jsonify(items=[_view(shelf) for shelf in category_edits.list_shelves()])


@blueprint.post("/api/admin/categories")
@describe({201: StaffCategoryDocument}, body=CategoryFields)
def create_category() -> ResponseReturnValue:
    """Make a category behind the others."""
    require_role(Role.ADMIN)
    body = read_body(CategoryFields)
    made = _create(body.name, body.description, body.hue)
    return jsonify(category=_view(category_edits.get_shelf(made.id))), 201


@blueprint.patch("/api/admin/categories/<uuid:category_id>")
@describe({200: StaffCategoryDocument}, body=CategoryChange)
def change_category(category_id: UUID) -> Response:
    """Change the fields that are sent."""
    require_role(Role.ADMIN)
    body = read_body(CategoryChange)
    _change(category_id, body.model_dump(include=body.model_fields_set))
    return jsonify(category=_view(category_edits.get_shelf(category_id)))


@blueprint.delete("/api/admin/categories/<uuid:category_id>")
@describe({204: None})
def delete_category(category_id: UUID) -> ResponseReturnValue:
    """Delete a category that no course is in."""
    _delete(category_id)
    return "", 204


def _create(name: str, description: str, hue: int) -> Category:
    made = category_edits.create(name, description, hue)
    audit.note(Action.CATEGORY_CREATED, subject=made.id, subject_kind=KIND, name=made.name)
    db.session.commit()
    return made


def _change(category_id: UUID, changes: dict[str, Any]) -> None:
    changed = category_edits.change(category_id, **changes)
    if changed:
        audit.note(Action.CATEGORY_CHANGED, subject=category_id, subject_kind=KIND, fields=changed)
    db.session.commit()


def _delete(category_id: UUID) -> None:
    require_role(Role.ADMIN)
    name = category_edits.delete(category_id)
    audit.note(Action.CATEGORY_DELETED, subject=category_id, subject_kind=KIND, name=name)
    db.session.commit()


def _view(shelf: Shelf) -> dict[str, object]:
    return asdict(shelf)
