"""The administration's table of videos and how far their transcodes are."""

from flask import render_template

from app.domain.courses import overview
from app.web.admin import blueprint, owner_scope
from app.web.admin.paging import read_page


@blueprint.get("/admin/videos")
def videos() -> str:
    """List videos in any state."""
    owner_id = owner_scope()
    page = read_page(lambda after, limit: overview.list_media(owner_id, after, limit))
    return render_template("admin/videos.html", page=page)
