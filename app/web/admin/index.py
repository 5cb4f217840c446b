"""The administration's first page: counts, and what needs attention."""

from flask import render_template

from app.domain.accounts.users import count_users
from app.domain.courses import overview
from app.domain.playback.overview import count_live_streams
from app.web.admin import blueprint, owner_scope

ATTENTION_LIMIT = 20


@blueprint.get("/admin")
def index() -> str:
    """Show how the house is doing."""
    owner_id = owner_scope()
    counts = {
        "users": count_users() if owner_id is None else None,
        "courses": overview.count_courses(owner_id),
        "videos": overview.count_media(owner_id),
        "live_streams": count_live_streams(owner_id),
    }
    attention = overview.list_troubled_media(owner_id, ATTENTION_LIMIT)
    return render_template("admin/index.html", counts=counts, attention=attention)
