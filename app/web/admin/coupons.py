"""The pages about coupons: the list, making one, changing one."""

from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.database import db
from app.domain.accounts.models import Role
from app.domain.checkout import coupon_list
from app.domain.courses import roster
from app.domain.courses.charge import require_maker
from app.errors import InUse, InvalidInput, VersionConflict
from app.web.access import require_signed_in
from app.web.admin import blueprint, coupon_acts, owner_scope
from app.web.admin.coupon_forms import CouponForm
from app.web.admin.coupons_api import read_coupons
from app.web.admin.coupons_schemas import CouponsQuery
from app.web.admin.queries import given


@blueprint.get("/admin/coupons")
def coupons() -> str:
    """List coupons, newest first."""
    page = read_coupons()
    return render_template(
        "admin/coupons.html",
        page=page,
        asked=given(CouponsQuery),
        courses=roster.list_choices(owner_scope()),
        may_change=require_signed_in().role is not Role.SUPPORT,
    )


@blueprint.route("/admin/coupons/new", methods=["GET", "POST"])
def new_coupon() -> ResponseReturnValue:
    """Make a coupon."""
    require_maker(require_signed_in())
    form = _form()
    if form.validate_on_submit() and (changes := form.changes()) is not None:
        try:
            coupon_id = coupon_acts.create(changes)
        except InvalidInput as error:
            db.session.rollback()
            form.blame(error.fields)
        else:
            flash(gettext("The coupon is there."), "ok")
            return redirect(url_for("admin.coupon", coupon_id=coupon_id), 303)
    page = render_template("admin/coupon.html", form=form, row=None, may_change=True)
    return page, 422 if form.is_submitted() else 200


@blueprint.route("/admin/coupons/<uuid:coupon_id>", methods=["GET", "POST"])
def coupon(coupon_id: UUID) -> ResponseReturnValue:
    """Show a coupon and how often it was used; change it."""
    person = require_signed_in()
    row = coupon_list.get_coupon(owner_scope(), coupon_id)
    form = _form()
    if form.is_submitted():
        require_maker(person)
    else:
        form.show(row.coupon)
    if row.coupon.redeemed:
        form.fix()
    if form.validate_on_submit() and (changes := form.changes()) is not None:
        try:
            is_new = coupon_acts.change(coupon_id, changes, form.seen_version())
        except InvalidInput as error:
            db.session.rollback()
            form.blame(error.fields)
        except VersionConflict as error:
            db.session.rollback()
            form.blame(
                {
                    "": "Somebody else changed this coupon meanwhile. Save again to put yours"
                    " in place of theirs, or reload the page to see theirs."
                }
            )
            form.version.data = str(error.extra["current"]["version"])
        else:
            flash(gettext("Saved.") if is_new else gettext("Nothing had to be changed."), "ok")
            return redirect(url_for("admin.coupon", coupon_id=coupon_id), 303)
        row = coupon_list.get_coupon(owner_scope(), coupon_id)
    page = render_template(
        "admin/coupon.html", form=form, row=row, may_change=person.role is not Role.SUPPORT
    )
    return page, 422 if form.is_submitted() else 200


@blueprint.post("/admin/coupons/<uuid:coupon_id>/switch/<any('on', 'off'):state>")
def switch_coupon(coupon_id: UUID, state: str) -> ResponseReturnValue:
    """Switch a coupon on or off, without its form."""
    is_on = state == "on"
    coupon_acts.change(coupon_id, {"is_active": is_on}, None)
    flash(gettext("It counts again.") if is_on else gettext("It is switched off."), "ok")
    return redirect(url_for("admin.coupon", coupon_id=coupon_id), 303)


@blueprint.post("/admin/coupons/<uuid:coupon_id>/delete")
def drop_coupon(coupon_id: UUID) -> ResponseReturnValue:
    """Delete a coupon that nobody has used."""
    try:
        coupon_acts.delete(coupon_id)
    except InUse as error:
        db.session.rollback()
        flash(gettext(error.detail), "danger")
        return redirect(url_for("admin.coupon", coupon_id=coupon_id), 303)
    flash(gettext("The coupon is deleted."), "ok")
    return redirect(url_for("admin.coupons"), 303)


def _form() -> CouponForm:
    form = CouponForm()
    person = require_signed_in()
    form.offer(roster.list_choices(owner_scope()), for_all=person.role is Role.ADMIN)
    return form
