"""Courses on their way out and in by JSON; an import begins as an upload of purpose `archive`."""

from uuid import UUID

from flask import Response, jsonify

from app.database import db
from app.domain.audit.actions import Action
from app.domain.courses import transfers
from app.domain.courses.file_models import CourseTransfer
from app.web import audit
from app.web.access import require_signed_in
from app.web.admin import blueprint
from app.web.admin.files_schemas import ExportRequest, TransferDocument, TransfersDocument
from app.web.admin.paging import read_page
from app.web.admin.schemas import PageQuery
from app.web.admin.transfers_views import transfer_view
from app.web.json import read_body
from app.web.openapi import describe
from app.web.stored import call_it, send_stored


def export(course_id: UUID) -> CourseTransfer:
    """Have a course packed, and note it. Raises NotFound, Forbidden, InUse."""
    transfer, is_new = transfers.begin_export(require_signed_in(), course_id)
    if is_new:
        audit.note(Action.COURSE_EXPORTED, subject=course_id, subject_kind="course")
    db.session.commit()
    return transfer


def archive_response(transfer_id: UUID) -> Response:
    """Send an export's archive. Raises NotFound, Forbidden."""
    transfer, key = transfers.get_archive(require_signed_in(), transfer_id)
    name = f"{transfer.title} {transfer.created_at:%Y-%m-%d}.zip".replace("/", "-")
    db.session.commit()
    db.session.remove()  # the storage and the reader may take their time
    response = send_stored(key, "application/zip")
    call_it(response, name)
    response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.post("/api/admin/courses/<uuid:course_id>/export")
@describe({202: TransferDocument}, body=ExportRequest)
def create_export(course_id: UUID) -> tuple[Response, int]:
    """Have a course packed with its media; fetch the archive once the transfer is ready."""
    read_body(ExportRequest)
    transfer = export(course_id)
    return jsonify(transfer=transfer_view(transfers.row_of(transfer))), 202


@blueprint.get("/api/admin/transfers")
@describe({200: TransfersDocument}, query=PageQuery)
def list_transfers() -> Response:
    """List one's own transfers, newest first; administrators see everybody's."""
    person = require_signed_in()
    page = read_page(lambda after, limit: transfers.list_transfers(person, after, limit))
    items = [transfer_view(row) for row in page.items]
    return jsonify(items=items, next_cursor=page.next_cursor)


@blueprint.get("/api/admin/transfers/<uuid:transfer_id>")
@describe({200: TransferDocument})
def get_transfer(transfer_id: UUID) -> Response:
    """Tell how far a transfer is."""
    return jsonify(transfer=transfer_view(transfers.get_transfer(require_signed_in(), transfer_id)))


@blueprint.get("/api/admin/transfers/<uuid:transfer_id>/archive")
@describe({200: None})
def get_archive(transfer_id: UUID) -> Response:
    """Send the archive of an export that is ready."""
    return archive_response(transfer_id)
