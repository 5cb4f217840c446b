"""The pages about people in courses: who is in, who wants in, who is invited."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from app.domain.accounts.models import Role
from app.domain.courses import admission, applicants, roster
from app.domain.courses.admission_models import RequestStatus
from app.domain.courses.charge import require_maker
from app.domain.courses.invitations import Invited
from app.domain.courses.roster import EnrollmentRow
from app.errors import InvalidInput
from app.web.access import require_signed_in
from app.web.admin import admission_acts, blueprint, owner_scope
from app.web.admin.admission_forms import EnrolForm, InviteForm
from app.web.admin.admission_schemas import AdmissionQuery, RequestsQuery
from app.web.admin.enrollments_api import narrowing_of
from app.web.admin.forms import PlainForm
from app.web.admin.paging import Page, read_page
from app.web.admin.queries import given, read_query

MAX_AT_ONCE = 100


@blueprint.route("/admin/enrollments", methods=["GET", "POST"])
def enrollments() -> ResponseReturnValue:
    """List who is in which course, and enrol somebody by address."""
    query = read_query(AdmissionQuery)
    form = EnrolForm()
    form.offer(roster.list_choices(owner_scope()), query.course_id)
    if form.is_submitted():
        require_maker(require_signed_in())
    if form.validate_on_submit():
        try:
            _, is_new = admission_acts.enrol(form.course(), None, form.email.data)
        except InvalidInput as error:
            form.blame(error.fields)
        else:
            told = gettext("The person is enrolled and was told by mail.")
            flash(*((told, "ok") if is_new else (gettext("They are in the course."), "info")))
            return redirect(url_for("admin.enrollments", course_id=form.course()), 303)
    owner_id, wanted = owner_scope(), narrowing_of(query)
    page = read_page(lambda after, limit: roster.list_enrollments(owner_id, wanted, after, limit))
    return _page("admin/enrollments.html", page, form)


@blueprint.route("/admin/enrollments/remove", methods=["GET", "POST"])
def remove_enrollments() -> ResponseReturnValue:
    """Say what removing people brings about, and do it once that is confirmed."""
    person = require_signed_in()
    require_maker(person)
    form = PlainForm()
    if form.validate_on_submit():
        count = admission_acts.remove(_ids(request.form.getlist("enrollment")))
        told = ngettext("%(num)d person was removed.", "%(num)d people were removed.", count)
        flash(told, "ok" if count else "info")
        return redirect(url_for("admin.enrollments"), 303)
    chosen = _ids(request.args.getlist("enrollment"))
    rows: list[EnrollmentRow] = [roster.get_enrollment(owner_scope(), one) for one in chosen]
    return render_template("admin/remove_enrollments.html", rows=rows)


@blueprint.route("/admin/enrollments/requests", methods=["GET", "POST"])
def enrollment_requests() -> ResponseReturnValue:
    """List who asks to be let in; approve or decline some."""
    if PlainForm().validate_on_submit():
        approves = request.form.get("decision") == "approve"
        count = admission_acts.decide(_ids(request.form.getlist("request")), approves=approves)
        flash(_said(count, approves=approves), "ok" if count else "info")
        return redirect(request.full_path.rstrip("?"), 303)
    query = read_query(RequestsQuery)
    owner_id, wanted = owner_scope(), narrowing_of(query)
    page = read_page(
        lambda after, limit: applicants.list_requests(owner_id, wanted, query.status, after, limit)
    )
    return _page("admin/enrollment_requests.html", page, None, status=query.status)


@blueprint.route("/admin/enrollments/invitations", methods=["GET", "POST"])
def invitations() -> ResponseReturnValue:
    """List who is invited, and invite more."""
    query = read_query(AdmissionQuery)
    form = InviteForm()
    form.offer(roster.list_choices(owner_scope()), query.course_id)
    if form.is_submitted():
        require_maker(require_signed_in())
    if form.validate_on_submit():
        try:
            invited = admission_acts.invite(form.course(), form.addresses())
        except InvalidInput as error:
            form.blame(error.fields)
        else:
            flash(_summary(invited), "ok" if invited.invitations else "info")
            return redirect(url_for("admin.invitations", course_id=form.course()), 303)
    owner_id, wanted = owner_scope(), narrowing_of(query)
    page = read_page(
        lambda after, limit: applicants.list_invitations(owner_id, wanted, after, limit)
    )
    return _page("admin/invitations.html", page, form)


@blueprint.post("/admin/enrollments/invitations/<uuid:invitation_id>/withdraw")
def withdraw_invitation(invitation_id: UUID) -> ResponseReturnValue:
    """Take an invitation back."""
    admission_acts.withdraw(invitation_id)
    flash(gettext("The invitation is taken back."), "ok")
    return redirect(url_for("admin.invitations"), 303)


def _page(
    template: str,
    page: Page[Any],
    form: EnrolForm | InviteForm | None,
    status: RequestStatus | None = None,
) -> ResponseReturnValue:
    owner_id = owner_scope()
    shown = render_template(
        template,
        page=page,
        asked=given(RequestsQuery),
        courses=roster.list_choices(owner_id),
        pending_count=admission.count_pending(owner_id),
        form=form,
        status=status,
        statuses=list(RequestStatus),
        may_change=require_signed_in().role is not Role.SUPPORT,
    )
    return shown, 422 if form is not None and form.is_submitted() else 200


def _ids(texts: Sequence[str]) -> list[UUID]:
    """Return the ids that were ticked. Raises InvalidInput."""
    try:
        ids = list(dict.fromkeys(UUID(text) for text in texts[: MAX_AT_ONCE + 1]))
    except ValueError:
        ids = []
    if not 1 <= len(ids) <= MAX_AT_ONCE:
        raise InvalidInput({"chosen": gettext("Tick at least one person, and at most 100.")})
    return ids


def _said(count: int, *, approves: bool) -> str:
    if count == 0:
        return str(gettext("Nothing had to be changed."))
    if approves:
        return str(ngettext("%(num)d person is in now.", "%(num)d people are in now.", count))
    return str(ngettext("%(num)d request is declined.", "%(num)d requests are declined.", count))


def _summary(invited: Invited) -> str:
    parts = [
        ngettext(
            "%(num)d invitation is sent.", "%(num)d invitations are sent.", len(invited.invitations)
        )
    ]
    if invited.known:
        count = len(invited.known)
        parts.append(ngettext("%(num)d was invited before.", "%(num)d were invited before.", count))
    if invited.enrolled:
        count = len(invited.enrolled)
        parts.append(ngettext("%(num)d is in the course.", "%(num)d are in the course.", count))
    return " ".join(parts)
