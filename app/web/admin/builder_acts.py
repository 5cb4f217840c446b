"""What the builder does without scripts, and what asks first: adding, moving, deleting."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from app.database import db
from app.domain.courses import builder, course_edits, outline_edits
from app.domain.courses.built import BuiltCourse
from app.domain.courses.charge import lesson_in_charge, section_in_charge
from app.domain.courses.models import CourseStatus, LessonKind
from app.domain.courses.outline_order import current_order
from app.errors import CourseNotReady, InUse, InvalidInput, VersionConflict
from app.web.access import require_signed_in
from app.web.admin import blueprint, course_acts
from app.web.admin.builder_forms import AddLessonForm, AddSectionForm
from app.web.admin.forms import PlainForm

STEPS = {"up": -1, "down": 1}
SAID = {
    CourseStatus.PUBLISHED: lambda: gettext("The course is published."),
    CourseStatus.UNLISTED: lambda: gettext("The course is open to whoever has its address."),
    CourseStatus.DRAFT: lambda: gettext("The course is a draft again: nobody new can see it."),
    CourseStatus.ARCHIVED: lambda: gettext("The course is archived: who is enrolled keeps it."),
}


@blueprint.post("/admin/courses/<uuid:course_id>/sections")
def add_section(course_id: UUID) -> ResponseReturnValue:
    """Add a section and open it."""
    form = AddSectionForm()
    if form.validate_on_submit():
        try:
            added = outline_edits.add_section(require_signed_in(), course_id, form.title.data or "")
        except InvalidInput as error:
            return _turned_back(error, url_for("admin.course", course_id=course_id))
        db.session.commit()
        return redirect(url_for("admin.section", course_id=course_id, section_id=added.id), 303)
    return redirect(url_for("admin.course", course_id=course_id), 303)


@blueprint.post("/admin/courses/<uuid:course_id>/sections/<uuid:section_id>/lessons")
def add_lesson(course_id: UUID, section_id: UUID) -> ResponseReturnValue:
    """Add a lesson and open it."""
    person, form = require_signed_in(), AddLessonForm()
    here = url_for("admin.section", course_id=course_id, section_id=section_id)
    if not form.validate_on_submit():
        return redirect(here, 303)
    builder.get_builder(person, course_id).section(section_id)
    try:
        kind = LessonKind(form.kind.data)
        added = outline_edits.add_lesson(person, section_id, form.title.data or "", kind)
    except InvalidInput as error:
        return _turned_back(error, here)
    db.session.commit()
    return redirect(url_for("admin.lesson", course_id=course_id, lesson_id=added.id), 303)


@blueprint.post("/admin/courses/<uuid:course_id>/sections/<uuid:section_id>/move")
def move_section(course_id: UUID, section_id: UUID) -> ResponseReturnValue:
    """Move a section one place up or down."""
    person = require_signed_in()
    section_in_charge(person, section_id, lock=True)
    order = [section["id"] for section in current_order(course_id)]
    if section_id in order:
        position = order.index(section_id) + 1 + STEPS.get(request.form.get("direction", ""), 0)
        outline_edits.change_section(person, section_id, {"position": max(position, 1)})
        db.session.commit()
    return redirect(url_for("admin.section", course_id=course_id, section_id=section_id), 303)


@blueprint.post("/admin/courses/<uuid:course_id>/lessons/<uuid:lesson_id>/move")
def move_lesson(course_id: UUID, lesson_id: UUID) -> ResponseReturnValue:
    """Move a lesson one place up or down, at an end into the neighbouring section."""
    person = require_signed_in()
    lesson_in_charge(person, lesson_id, lock=True)
    target = _step(course_id, lesson_id, STEPS.get(request.form.get("direction", ""), 0))
    if target is not None:
        into, position = target
        outline_edits.change_lesson(person, lesson_id, {"section_id": into, "position": position})
        db.session.commit()
    return redirect(url_for("admin.lesson", course_id=course_id, lesson_id=lesson_id), 303)


@blueprint.post("/admin/courses/<uuid:course_id>/status")
def change_status(course_id: UUID) -> ResponseReturnValue:
    """Decide who sees the course; what it still lacks is said on the page it leads back to."""
    form, here = PlainForm(), url_for("admin.publish", course_id=course_id)
    wanted, seen = request.form.get("status", ""), request.form.get("version", "")
    if not form.validate_on_submit() or wanted not in list(CourseStatus):
        return redirect(here, 303)
    status, version = CourseStatus(wanted), int(seen) if seen.isdigit() else None
    try:
        course_acts.change(require_signed_in(), course_id, {}, status=status, version=version)
    except CourseNotReady:
        db.session.rollback()
        flash(gettext("Not yet: first do what is marked below."), "danger")
    except VersionConflict:
        db.session.rollback()
        flash(
            gettext("Somebody else changed the course meanwhile. Look again, then decide."), "warn"
        )
    else:
        flash(SAID[status](), "ok")
    return redirect(here, 303)


@blueprint.route(
    "/admin/courses/<uuid:course_id>/<any('duplicate', 'delete'):act>", methods=["GET", "POST"]
)
def course_act(course_id: UUID, act: str) -> ResponseReturnValue:
    """Say what the act brings about, and do it once that is confirmed."""
    person, form = require_signed_in(), PlainForm()
    built = builder.get_builder(person, course_id)
    if form.validate_on_submit():
        if act == "duplicate":
            copy = course_acts.duplicate(person, course_id)
            flash(gettext("This is the copy: a draft that only its makers see."), "ok")
            return redirect(url_for("admin.course", course_id=copy.id), 303)
        return _deleted(built)
    loss = course_edits.loss_of(course_id)
    return render_template("admin/course_act.html", course=built, act=act, loss=loss, form=form)


def _deleted(built: BuiltCourse) -> ResponseReturnValue:
    try:
        course_acts.delete(require_signed_in(), built.id)
    except InUse as error:
        db.session.rollback()
        flash(gettext(error.detail), "danger")
        return redirect(url_for("admin.publish", course_id=built.id), 303)
    flash(gettext("“%(title)s” is deleted.", title=built.title), "ok")
    return redirect(url_for("admin.courses"), 303)


@blueprint.route(
    "/admin/courses/<uuid:course_id>/<any('sections', 'lessons'):kind>/<uuid:part_id>/delete",
    methods=["GET", "POST"],
)
def part_deletion(course_id: UUID, kind: str, part_id: UUID) -> ResponseReturnValue:
    """Say what goes with a section or a lesson, and delete it once that is confirmed."""
    person, form = require_signed_in(), PlainForm()
    built = builder.get_builder(person, course_id)
    is_section = kind == "sections"
    part = built.section(part_id) if is_section else built.lesson(part_id)
    if not form.validate_on_submit():
        row = (section_in_charge if is_section else lesson_in_charge)(person, part_id)
        count = outline_edits.loss_of_section if is_section else outline_edits.loss_of_lesson
        return render_template(
            "admin/part_deletion.html",
            course=built,
            part=part,
            is_section=is_section,
            loss=count(row),  # type: ignore[arg-type]
            form=form,
        )
    try:
        delete = course_acts.delete_section if is_section else course_acts.delete_lesson
        loss = delete(person, part_id)
    except InUse as error:
        db.session.rollback()
        flash(gettext(error.detail), "danger")
        return redirect(url_for("admin.publish", course_id=course_id), 303)
    flash(gettext("“%(title)s” is deleted.", title=part.title) + _lost(loss.progress_count), "ok")
    return redirect(url_for("admin.course", course_id=course_id), 303)


def _lost(people: int) -> str:
    if not people:
        return ""
    text = ngettext(
        "The progress of %(num)d person went with it.",
        "The progress of %(num)d people went with it.",
        people,
    )
    return f" {text}"


def _step(course_id: UUID, lesson_id: UUID, by: int) -> tuple[UUID, int] | None:
    """Return the section and the position that are one step on, None at the end."""
    order = current_order(course_id)
    for at, section in enumerate(order):
        if lesson_id not in section["lessons"]:
            continue
        within = section["lessons"].index(lesson_id) + by
        if 0 <= within < len(section["lessons"]):
            return section["id"], within + 1
        if not 0 <= at + by < len(order):
            return None
        neighbour = order[at + by]
        return neighbour["id"], 1 if by > 0 else len(neighbour["lessons"]) + 1
    return None


def _turned_back(error: InvalidInput, address: str) -> ResponseReturnValue:
    db.session.rollback()
    flash(gettext(next(iter(error.fields.values()))), "danger")
    return redirect(address, 303)
