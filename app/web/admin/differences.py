"""Marking a difference from a gateway's books as settled."""

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.database import db
from app.domain.audit.actions import Action
from app.domain.checkout import differences
from app.web import audit
from app.web.admin import blueprint, order_acts
from app.web.admin.forms import PlainForm


@blueprint.post("/admin/differences/<int:difference_id>/settle")
def settle_difference(difference_id: int) -> ResponseReturnValue:
    """Note that somebody has settled it; a second time changes nothing."""
    order_acts.require_cashier()
    if PlainForm().validate_on_submit():
        settled = differences.settle(difference_id)
        if settled is not None:
            audit.note(
                Action.DIFFERENCE_SETTLED,
                subject_kind="difference",
                difference=difference_id,
                method=settled.method,
                order=settled.order_number,
                what=settled.what,
            )
            flash(gettext("It is marked as settled."), "ok")
        db.session.commit()
    return redirect(url_for("admin.index"), 303)
