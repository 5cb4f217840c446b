"""JSON twins of the administration's tables."""

from flask import Response, jsonify

from app.domain.courses import overview
from app.domain.videos.overview import VideoRow
from app.web.admin import blueprint, owner_scope
from app.web.admin.paging import read_page
from app.web.admin.schemas import PageQuery, StaffMediaDocument
from app.web.openapi import describe


def _media_view(row: VideoRow) -> dict[str, object]:
    has_error = row.error_code or row.error_detail
    error = {"code": row.error_code, "detail": row.error_tail} if has_error else None
    return {
        "id": row.id,
        "title": row.title,
        "status": row.status.value,
        "stage": row.stage,
        "progress_percent": row.progress_percent,
        "is_complete": row.is_complete,
        "error": error,
        "source_bytes": row.source_bytes,
        "duration_seconds": row.duration_seconds,
        "width": row.width,
        "height": row.height,
        "created_at": row.created_at,
        "ready_at": row.ready_at,
    }


@blueprint.get("/api/admin/media")
@describe({200: StaffMediaDocument}, query=PageQuery)
def list_media() -> Response:
    """List videos with the state of their transcodes, newest first."""
    owner_id = owner_scope()
    page = read_page(lambda after, limit: overview.list_media(owner_id, after, limit))
    return jsonify(items=[_media_view(row) for row in page.items], next_cursor=page.next_cursor)
