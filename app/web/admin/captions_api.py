"""Captions for programs and for the editor: one track a language, WebVTT out, SRT welcome."""

from dataclasses import asdict
from uuid import UUID

from flask import Response, jsonify

from app.domain.courses import media
from app.domain.courses.charge import owner_of
from app.domain.videos import captions, overview
from app.errors import NotFound
from app.web.access import require_signed_in
from app.web.admin import blueprint, media_acts
from app.web.admin.media_schemas import CaptionsDocument, CaptionsListDocument, CaptionsText
from app.web.admin.media_views import captions_view
from app.web.json import read_body
from app.web.openapi import describe


@blueprint.get("/api/admin/media/<uuid:video_id>/captions")
@describe({200: CaptionsListDocument})
def list_captions(video_id: UUID) -> Response:
    """List the caption tracks of a video, by language."""
    _require_seen(video_id)
    return jsonify(items=[asdict(track) for track in overview.list_captions(video_id)])


@blueprint.get("/api/admin/media/<uuid:video_id>/captions/<language>")
@describe({200: CaptionsDocument})
def get_captions(video_id: UUID, language: str) -> Response:
    """Return the captions in one language as WebVTT."""
    _require_seen(video_id)
    return jsonify(captions=captions_view(captions.get(video_id, language)))


@blueprint.put("/api/admin/media/<uuid:video_id>/captions/<language>")
@describe({200: CaptionsDocument}, body=CaptionsText)
def put_captions(video_id: UUID, language: str) -> Response:
    """Store the captions in one language (BCP 47), written in WebVTT or SRT."""
    body = read_body(CaptionsText)
    track = media_acts.save_captions(video_id, language, body.label, body.text, body.version)
    return jsonify(captions=captions_view(track))


@blueprint.delete("/api/admin/media/<uuid:video_id>/captions/<language>")
@describe({204: None})
def delete_captions(video_id: UUID, language: str) -> Response:
    """Delete the captions in one language."""
    if not media_acts.remove_captions(video_id, language):
        raise NotFound
    return Response(status=204)


def _require_seen(video_id: UUID) -> None:
    """Raise NotFound unless the video is one that the person sees."""
    media.get_media(owner_of(require_signed_in()), video_id)
