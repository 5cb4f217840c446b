"""The pages about people: the list, one of them, and a page of its own before each act."""

from collections.abc import Callable
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm

from app.domain.accounts import directory, standing
from app.domain.accounts.models import Role, UserStatus
from app.domain.accounts.standing import Act
from app.errors import InvalidInput
from app.web.admin import acts, blueprint
from app.web.admin.folder import open_folder
from app.web.admin.forms import form_for
from app.web.admin.paging import Page, read_page
from app.web.admin.queries import PeopleQuery, given, read_wanted

Doing = Callable[[UUID, FlaskForm], bool]

DOING: dict[Act, Doing] = {
    Act.SUSPEND: lambda user_id, form: acts.suspend(user_id, form.reason.data),
    Act.REINSTATE: lambda user_id, _: acts.reinstate(user_id),
    Act.CHANGE_ROLE: lambda user_id, form: acts.change_role(user_id, Role(form.role.data)),
    Act.END_SESSIONS: lambda user_id, _: acts.end_sessions(user_id),
    Act.RESET_SECOND_FACTOR: lambda user_id, _: acts.reset_second_factor(user_id),
}
DONE = {
    Act.SUSPEND: lazy_gettext("The account is suspended."),
    Act.REINSTATE: lazy_gettext("The account is reinstated."),
    Act.CHANGE_ROLE: lazy_gettext("The role is changed."),
    Act.END_SESSIONS: lazy_gettext("Every sign-in and API key has ended."),
    Act.RESET_SECOND_FACTOR: lazy_gettext("The second factor is removed."),
}
NOTHING_TO_DO = lazy_gettext("Nothing had to be changed.")


@blueprint.get("/admin/users")
def users() -> ResponseReturnValue:
    """Show people, newest first, narrowed by what is asked for."""
    acts.require_supporter()
    faults: dict[str, str] = {}
    try:
        wanted = read_wanted()
        page = read_page(lambda after, limit: directory.list_people(wanted, after, limit))
    except InvalidInput as error:
        faults, page = error.fields, Page([], None)
    shown = render_template(
        "admin/users.html",
        page=page,
        asked=given(PeopleQuery),
        faults=faults,
        roles=list(Role),
        statuses=list(UserStatus),
    )
    return shown, 422 if faults else 200


@blueprint.get("/admin/users/<uuid:user_id>")
def user(user_id: UUID) -> str:
    """Show one person and what may be done."""
    actor = acts.require_supporter()
    folder = open_folder(actor, user_id)
    return render_template("admin/user.html", folder=folder, person=folder.person)


@blueprint.route(
    "/admin/users/<uuid:user_id>/<any('suspend', 'reinstate', 'role', 'sign-out', 'second-factor')"
    ":act>",
    methods=["GET", "POST"],
)
def user_act(user_id: UUID, act: str) -> ResponseReturnValue:
    """Say what the act brings about, and do it once that is confirmed."""
    actor, chosen = acts.require_actor(), Act(act)
    person = directory.get_person(user_id)
    standing.check(actor, person, chosen)
    form = form_for(chosen)
    if form.validate_on_submit():
        is_new = DOING[chosen](user_id, form)
        flash(DONE[chosen] if is_new else NOTHING_TO_DO, "ok" if is_new else "info")
        return redirect(url_for("admin.user", user_id=user_id), 303)
    if chosen is Act.CHANGE_ROLE and not form.is_submitted():
        form.role.data = person.role.value
    shown = render_template("admin/user_act.html", person=person, act=chosen, form=form)
    return shown, 422 if form.is_submitted() else 200
