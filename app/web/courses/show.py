"""The page of one course, and joining it."""

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.database import db
from app.domain.courses import admission
from app.domain.courses.access import OPEN_STATUSES
from app.domain.courses.details import get_course_page
from app.web import shells
from app.web.access import require_signed_in, signed_in
from app.web.caching import cache
from app.web.courses import blueprint
from app.web.courses.course_view import read_course
from app.web.shells import Contents


@blueprint.get("/courses/<slug>")
def show(slug: str) -> Response:
    """Show a course and the one thing to do about it."""
    if signed_in() is None:
        return shells.show("course", slug, lambda: _contents_of(slug))
    if not cache().is_on or shells.is_special():
        return shells.show_directly(_contents_of(slug))
    course, offer, action = read_course(slug, with_related=False)
    if course.status not in OPEN_STATUSES:  # visitors see no such course, so nothing is kept of it
        return shells.show_directly(_contents_of(slug))
    values = {"course": course, "offer": offer, "action": action}
    own_parts = {
        shells.OFFER: render_template("courses/_offer.html", **values),
        shells.OUTLINE: render_template("courses/_contents.html", **values),
    }
    return shells.show("course", slug, lambda: _frame_of(slug), own_parts)


def _contents_of(slug: str) -> Contents:
    course, offer, action = read_course(slug)
    values = {"course": course, "offer": offer, "action": action}
    return Contents("courses/show.html", values)


def _frame_of(slug: str) -> Contents:
    """Return the page as far as it is the same for everybody who is signed in."""
    course = get_course_page(slug)
    parts = {"offer": shells.OFFER, "outline": shells.OUTLINE}
    return Contents("courses/show.html", {"course": course, "parts": parts}, course.related)


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
