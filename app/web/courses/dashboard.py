"""A learner's own courses."""

from flask import render_template

from app.domain.courses.shelf import list_enrolled, list_suggestions
from app.domain.courses.thresholds import list_thresholds
from app.web.access import require_signed_in
from app.web.courses import blueprint

SUGGESTIONS = 3


@blueprint.get("/dashboard")
def dashboard() -> str:
    """Show what one is learning, and what might come next."""
    person = require_signed_in()
    return render_template(
        "courses/dashboard.html",
        enrolled=list_enrolled(person.user_id),
        thresholds=list_thresholds(person.user_id),
        suggestions=list_suggestions(person.user_id, SUGGESTIONS),
    )
