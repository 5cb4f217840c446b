"""The page of one course, and joining it."""

from flask import Response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.database import db
from app.domain.courses.details import get_course_page
from app.domain.courses.enrollments import enroll as enroll_in
from app.web.access import require_signed_in, signed_in
from app.web.caching import share_with_visitors
from app.web.courses import blueprint


@blueprint.get("/courses/<slug>")
def show(slug: str) -> Response:
    """Show a course and the one thing to do about it."""
    person = signed_in()
    course = get_course_page(slug, person.user_id, person.role) if person else get_course_page(slug)
    return share_with_visitors(render_template("courses/show.html", course=course))


@blueprint.post("/courses/<slug>/enroll")
def enroll(slug: str) -> ResponseReturnValue:
    """Enrol in a free course and go to its first lesson."""
    person = require_signed_in()
    enroll_in(person.user_id, slug, person.role)
    db.session.commit()
    return redirect(url_for("courses.learn_start", slug=slug), 303)
