"""Learning: a lesson's page, going on where one stopped, ticking a lesson off."""

from uuid import UUID

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.database import db
from app.domain.courses import progress
from app.domain.courses.lessons import find_lesson_to_continue, get_lesson_page
from app.web.access import require_signed_in
from app.web.courses import blueprint


@blueprint.get("/learn/<slug>")
def learn_start(slug: str) -> ResponseReturnValue:
    """Go on with a course; without access, or before it has lessons, to its page."""
    person = require_signed_in()
    lesson_id = find_lesson_to_continue(slug, person.user_id, person.role)
    if lesson_id is None:
        return redirect(url_for("courses.show", slug=slug), 303)
    return redirect(url_for("courses.learn", slug=slug, lesson_id=lesson_id), 303)


@blueprint.get("/learn/<slug>/<uuid:lesson_id>")
def learn(slug: str, lesson_id: UUID) -> ResponseReturnValue:
    """Show a lesson; a locked one shows what opens it, with status 403."""
    person = require_signed_in()
    page = get_lesson_page(slug, lesson_id, person.user_id, person.role)
    body = render_template("courses/learn.html", page=page)
    return body, 200 if page.can_watch else 403


@blueprint.post("/learn/<slug>/<uuid:lesson_id>/complete")
def complete(slug: str, lesson_id: UUID) -> ResponseReturnValue:
    """Tick a lesson off."""
    person = require_signed_in()
    progress.mark_complete(person.user_id, lesson_id, person.role, slug=slug)
    db.session.commit()
    return redirect(url_for("courses.learn", slug=slug, lesson_id=lesson_id), 303)
