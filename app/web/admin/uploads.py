"""The page of unfinished uploads, where files go on and new videos are sent."""

from flask import render_template

from app.domain.courses.charge import require_maker
from app.web.access import require_signed_in
from app.web.admin import blueprint


@blueprint.get("/admin/uploads")
def uploads() -> str:
    """Show a field that takes videos and goes on with whatever was begun."""
    require_maker(require_signed_in())
    return render_template("admin/uploads.html")
