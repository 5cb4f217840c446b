"""The administration's list of courses, and the form that begins one."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.domain.accounts.models import Role
from app.domain.courses import course_list
from app.domain.courses.built import CourseFacts
from app.domain.courses.categories import list_categories
from app.domain.courses.charge import require_maker
from app.domain.courses.course_list import Wanted
from app.domain.courses.models import CourseStatus
from app.errors import InvalidInput
from app.web.access import require_signed_in
from app.web.admin import blueprint, course_acts, owner_scope
from app.web.admin.course_forms import NewCourseForm
from app.web.admin.making_bodies import CoursesQuery, read_courses_query
from app.web.admin.paging import Page, read_page
from app.web.admin.queries import given

LANGUAGE = "en"


@blueprint.route("/admin/courses", methods=["GET", "POST"])
def courses() -> ResponseReturnValue:
    """Show courses in any state, newest first; begin a new one."""
    form = NewCourseForm()
    form.offer_categories()
    if form.is_submitted():
        require_maker(require_signed_in())
        if form.validate() and (answer := _create(form)):
            return answer
        return _page(form), 422
    shown, faults = _list()
    return _page(form, shown, faults), 422 if faults else 200


def _create(form: NewCourseForm) -> ResponseReturnValue | None:
    """Begin the course, or say at the form what is wrong with it."""
    try:
        course = course_acts.create(
            require_signed_in(), form.title.data, form.chosen_category(), LANGUAGE
        )
    except InvalidInput as error:
        form.blame(error.fields)
        return None
    flash(gettext("Your draft is there. Nobody but its makers sees it yet."), "ok")
    return redirect(url_for("admin.course", course_id=course.id), 303)


def _list() -> tuple[Page[CourseFacts], dict[str, str]]:
    """Return the courses that the address asks for, and what is wrong with it."""
    owner_id = owner_scope()
    try:
        query = read_courses_query()
        wanted = Wanted(query.q, query.status, query.category_id)
        page = read_page(
            lambda after, limit: course_list.list_courses(owner_id, wanted, after, limit)
        )
    except InvalidInput as error:
        return Page([], None), error.fields
    return page, {}


def _page(
    form: NewCourseForm,
    page: Page[CourseFacts] | None = None,
    faults: dict[str, str] | None = None,
) -> str:
    return render_template(
        "admin/courses.html",
        page=page or _list()[0],
        form=form,
        asked=given(CoursesQuery),
        faults=faults or {},
        statuses=list(CourseStatus),
        categories=list_categories(include_empty=True),
        is_maker=require_signed_in().role in (Role.INSTRUCTOR, Role.ADMIN),
    )
