"""The page of one course, and joining it."""

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.database import db
from app.domain.courses import admission
from app.web import shells
from app.web.access import require_signed_in, signed_in
from app.web.caching import share_with_visitors
from app.web.courses import blueprint
from app.web.courses.course_view import read_course
from app.web.shells import Contents


@blueprint.get("/courses/<slug>")
def show(slug: str) -> Response:
    """Show a course and the one thing to do about it."""
    if signed_in() is None:
        return shells.show("course", slug, lambda: _contents_of(slug))
    contents = _contents_of(slug)
    return share_with_visitors(render_template(contents.template, **contents.values))


def _contents_of(slug: str) -> Contents:
    course, offer, action = read_course(slug)
    values = {"course": course, "offer": offer, "action": action}
    return Contents("courses/show.html", values)


@blueprint.post("/courses/<slug>/enroll")
def enroll(slug: str) -> ResponseReturnValue:
    """Enrol and go to the first lesson, or ask to be let in where staff decides."""
    person = require_signed_in()
    note = request.form.get("note", "")
    joined = admission.join(person.user_id, slug, person.role, note)
    db.session.commit()
    if joined.request is not None:
        flash(gettext("You have asked for a place. You get a mail once it is decided."), "ok")
        return redirect(url_for("courses.show", slug=slug), 303)
    return redirect(url_for("courses.learn_start", slug=slug), 303)


@blueprint.post("/courses/<slug>/take-back")
def take_back(slug: str) -> ResponseReturnValue:
    """Take one's request for a place back."""
    person = require_signed_in()
    was_waiting = admission.take_back(person.user_id, slug)
    db.session.commit()
    if was_waiting:
        flash(gettext("Your request is taken back."), "ok")
    return redirect(url_for("courses.show", slug=slug), 303)
