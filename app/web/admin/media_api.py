"""Videos for programs: how far they are, and what may be done about it."""

from uuid import UUID

from flask import Response, jsonify

from app.domain.courses import media
from app.domain.courses.charge import owner_of
from app.web.access import require_signed_in
from app.web.admin import blueprint, media_acts
from app.web.admin.media_schemas import MediaChange, MediaDocument, MediaDone, MediaQuery
from app.web.admin.media_views import detail_view, row_view
from app.web.admin.paging import read_page
from app.web.admin.queries import read_query
from app.web.admin.schemas import StaffMediaDocument
from app.web.admin.users_schemas import Nothing
from app.web.json import read_body
from app.web.openapi import describe


@blueprint.get("/api/admin/media")
@describe({200: StaffMediaDocument}, query=MediaQuery)
def list_media() -> Response:
    """List videos with the state of their transcodes, newest first."""
    owner_id = owner_of(require_signed_in())
    wanted = read_query(MediaQuery)
    page = read_page(
        lambda after, limit: media.list_media(
            owner_id, after, limit, text=wanted.q, status=wanted.status
        )
    )
    return jsonify(items=[row_view(row) for row in page.items], next_cursor=page.next_cursor)


@blueprint.get("/api/admin/media/<uuid:video_id>")
@describe({200: MediaDocument})
def get_media(video_id: UUID) -> Response:
    """Return a video with its renditions, captions and lessons."""
    return jsonify(media=_view(video_id))


@blueprint.patch("/api/admin/media/<uuid:video_id>")
@describe({200: MediaDocument}, body=MediaChange)
def change_media(video_id: UUID) -> Response:
    """Give a video another title; learners see the lesson's, not this one."""
    body = read_body(MediaChange)
    media_acts.rename(video_id, body.title)
    return jsonify(media=_view(video_id))


@blueprint.delete("/api/admin/media/<uuid:video_id>")
@describe({204: None})
def delete_media(video_id: UUID) -> Response:
    """Delete a video with its files; refused while a lesson shows it."""
    media_acts.discard(video_id)
    return Response(status=204)


@blueprint.post("/api/admin/media/<uuid:video_id>/retry")
@describe({200: MediaDone}, body=Nothing)
def retry_media(video_id: UUID) -> Response:
    """Prepare a video again; what is served stays so until the new one is whole."""
    read_body(Nothing)
    changed = media_acts.retry(video_id)
    return jsonify(changed=changed, media=_view(video_id))


@blueprint.post("/api/admin/media/<uuid:video_id>/cancel")
@describe({200: MediaDone}, body=Nothing)
def cancel_media(video_id: UUID) -> Response:
    """Stop preparing a video, waiting or under way; what plays already goes on playing."""
    read_body(Nothing)
    changed = media_acts.cancel(video_id)
    return jsonify(changed=changed, media=_view(video_id))


def _view(video_id: UUID) -> dict[str, object]:
    person = require_signed_in()
    return detail_view(person, media.get_media(owner_of(person), video_id))
