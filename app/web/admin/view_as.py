"""Looking at the site as a learner: a page that says what it means, the beginning, the end."""

from uuid import UUID

from flask import flash, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.database import db
from app.domain.accounts import directory
from app.domain.accounts import viewing as views
from app.domain.accounts.viewing import LASTS
from app.domain.audit.actions import Action
from app.web import audit, viewing
from app.web.access import client_info
from app.web.admin import acts, blueprint
from app.web.admin.forms import SuspendForm


class ReasonForm(SuspendForm):
    """Why somebody looks, for the trail."""


@blueprint.route("/admin/users/<uuid:user_id>/view-as", methods=["GET", "POST"])
def view_as(user_id: UUID) -> ResponseReturnValue:
    """Say what looking as somebody means, and begin once a reason is given."""
    actor = acts.require_actor()
    person = directory.get_person(user_id)
    views.check(actor, person)
    form = ReasonForm()
    if form.validate_on_submit():
        token = views.start(actor, user_id, client_info())
        audit.note(Action.VIEW_STARTED, subject=user_id, reason=form.reason.data)
        db.session.commit()
        response = make_response(redirect(url_for("courses.dashboard"), 303))
        viewing.set_cookie(response, token)
        return response
    minutes = int(LASTS.total_seconds() // 60)
    shown = render_template("admin/view_as.html", person=person, form=form, minutes=minutes)
    return shown, 422 if form.is_submitted() else 200


@blueprint.post("/admin/view-as/stop")
def stop_viewing() -> ResponseReturnValue:
    """Be oneself again; a second click ends nothing."""
    ended = views.end(acts.require_supporter())
    if ended is not None:
        audit.note(Action.VIEW_ENDED, subject=ended)
        flash(gettext("You are yourself again."), "ok")
    db.session.commit()
    target = url_for("admin.user", user_id=ended) if ended else url_for("admin.users")
    response = make_response(redirect(target, 303))
    viewing.clear_cookie(response)
    return response
