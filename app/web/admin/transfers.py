"""The page of courses on their way out and in, and fetching an archive."""

from uuid import UUID

from flask import Response, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.domain.accounts.models import Role
from app.domain.courses import transfers as rooms
from app.web.access import require_signed_in
from app.web.admin import blueprint
from app.web.admin.paging import read_page
from app.web.admin.transfers_api import archive_response, export


@blueprint.get("/admin/transfers")
def transfers() -> str:
    """Show one's transfers, newest first, and the field that takes an archive."""
    person = require_signed_in()
    page = read_page(lambda after, limit: rooms.list_transfers(person, after, limit))
    return render_template(
        "admin/transfers.html",
        page=page,
        makes_courses=person.role in (Role.INSTRUCTOR, Role.ADMIN),
        days=rooms.KEPT_FOR.days,
    )


@blueprint.get("/admin/transfers/<uuid:transfer_id>/archive")
def download_archive(transfer_id: UUID) -> Response:
    """Send the archive of an export that is ready."""
    return archive_response(transfer_id)


@blueprint.post("/admin/courses/<uuid:course_id>/export")
def export_course(course_id: UUID) -> ResponseReturnValue:
    """Have a course packed with its media."""
    export(course_id)
    flash(gettext("The course is being packed. Its archive can be fetched here soon."), "ok")
    return redirect(url_for("admin.transfers"), 303)
