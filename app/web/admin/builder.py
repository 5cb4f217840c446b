"""The course builder's pages: what is open of a course, beside its outline.

Each is a plain form as well; with scripts, what is written goes through the API instead.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.database import db
from app.domain.accounts import directory
from app.domain.accounts.directory import Wanted
from app.domain.accounts.models import Role, UserStatus
from app.domain.accounts.sessions import SignedIn
from app.domain.courses import builder, markdown, outline_edits, publishing
from app.domain.courses.built import BuiltCourse
from app.domain.courses.categories import list_categories
from app.domain.courses.models import CourseStatus
from app.errors import InvalidInput, VersionConflict
from app.web.access import require_signed_in
from app.web.admin import blueprint, course_acts
from app.web.admin.builder_forms import (
    AccessForm,
    CourseForm,
    LessonForm,
    MakingForm,
    SectionForm,
)

MAX_TEACHERS = 200
MAX_PREVIEW_LENGTH = 100_000


@blueprint.route("/admin/courses/<uuid:course_id>", methods=["GET", "POST"])
def course(course_id: UUID) -> ResponseReturnValue:
    """Show and change what a course is about."""
    person = require_signed_in()
    built = builder.get_builder(person, course_id)
    form = CourseForm()
    shelves = [(shelf.id, shelf.name) for shelf in list_categories(include_empty=True)]
    form.offer(built, shelves, _teachers(person, built))

    def save() -> None:
        version = form.seen_version
        course_acts.change(person, course_id, form.changes, version=version)

    if is_saved(form, save):
        return redirect(url_for("admin.course", course_id=course_id), 303)
    if not form.is_submitted():
        form.show(built)
    return _page("admin/course.html", built, form=form)


@blueprint.route("/admin/courses/<uuid:course_id>/access", methods=["GET", "POST"])
def course_access(course_id: UUID) -> ResponseReturnValue:
    """Show and change what a course costs, who gets in, and what comes with it."""
    person = require_signed_in()
    built = builder.get_builder(person, course_id)
    form = AccessForm()

    def save() -> None:
        amount_minor = form.minor()
        if amount_minor is None:
            raise InvalidInput({"price": "Give an amount such as 49 or 49.50."})
        changes = form.changes(amount_minor)
        course_acts.change(person, course_id, changes, version=form.seen_version)

    if is_saved(form, save):
        return redirect(url_for("admin.course_access", course_id=course_id), 303)
    if not form.is_submitted():
        form.show(built)
    return _page("admin/course_access.html", built, form=form)


@blueprint.route(
    "/admin/courses/<uuid:course_id>/sections/<uuid:section_id>", methods=["GET", "POST"]
)
def section(course_id: UUID, section_id: UUID) -> ResponseReturnValue:
    """Show and change a section."""
    person = require_signed_in()
    built = builder.get_builder(person, course_id)
    shown = built.section(section_id)
    form = SectionForm()

    def save() -> None:
        outline_edits.change_section(person, section_id, form.changes, form.seen_version)
        db.session.commit()

    if is_saved(form, save):
        here = url_for("admin.section", course_id=course_id, section_id=section_id)
        return redirect(here, 303)
    if not form.is_submitted():
        form.show(shown)
    return _page("admin/section.html", built, form=form, section=shown)


@blueprint.route(
    "/admin/courses/<uuid:course_id>/lessons/<uuid:lesson_id>", methods=["GET", "POST"]
)
def lesson(course_id: UUID, lesson_id: UUID) -> ResponseReturnValue:
    """Show and change a lesson."""
    person = require_signed_in()
    built = builder.get_builder(person, course_id)
    shown = built.lesson(lesson_id)
    form = LessonForm()

    def save() -> None:
        outline_edits.change_lesson(person, lesson_id, form.changes, form.seen_version)
        db.session.commit()

    if is_saved(form, save):
        here = url_for("admin.lesson", course_id=course_id, lesson_id=lesson_id)
        return redirect(here, 303)
    if not form.is_submitted():
        form.show(shown)
    return _page("admin/lesson.html", built, form=form, lesson=shown)


@blueprint.get("/admin/courses/<uuid:course_id>/publish")
def publish(course_id: UUID) -> ResponseReturnValue:
    """Show what the course still lacks, and who sees it."""
    person = require_signed_in()
    built = builder.get_builder(person, course_id)
    items = publishing.checklist(person, course_id)
    return _page("admin/publish.html", built, items=items, statuses=list(CourseStatus))


@blueprint.post("/admin/markdown")
def preview_markdown() -> str:
    """Draw Markdown as learners see it."""
    require_signed_in()
    source = request.form.get("source", request.form.get("body", ""))[:MAX_PREVIEW_LENGTH]
    drawn = markdown.render(source)
    return render_template("admin/builder/_markdown.html", drawn=drawn)


def is_saved(form: MakingForm, save: Callable[[], None]) -> bool:
    """Whether the form was sent and saved; what the domain found wrong is shown in it."""
    if not form.validate_on_submit():
        return False
    try:
        save()
    except InvalidInput as error:
        db.session.rollback()
        form.blame(error.fields)
        return False
    except VersionConflict as error:
        db.session.rollback()
        form.warn_of(error.extra["current"]["version"])
        return False
    return True


def _teachers(person: SignedIn, built: BuiltCourse) -> list[tuple[UUID, str]]:
    """Return whom an administrator may give the course to; nobody else is asked."""
    if person.role is not Role.ADMIN:
        return []
    names = {built.instructor_id: built.instructor_name}
    for role in (Role.INSTRUCTOR, Role.ADMIN):
        wanted = Wanted("", role, UserStatus.ACTIVE)
        names |= {row.id: row.name for row in directory.list_people(wanted, None, MAX_TEACHERS)}
    return sorted(names.items(), key=lambda pair: pair[1].casefold())


def _page(template: str, built: BuiltCourse, **values: Any) -> ResponseReturnValue:
    form = values.get("form")
    is_refused = form is not None and form.is_submitted()
    return render_template(template, course=built, **values), 422 if is_refused else 200
