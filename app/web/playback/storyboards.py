"""Stills for the player's scrubber: checked like segments, against the sign-in and the lease."""

from uuid import UUID

from flask import Response, jsonify, url_for

from app.database import db
from app.domain.playback import leases
from app.domain.videos import storyboards
from app.web.access import require_signed_in
from app.web.openapi import describe
from app.web.playback import blueprint
from app.web.playback.media import send_stored
from app.web.playback.schemas import StoryboardDocument

JPEG = "image/jpeg"


@blueprint.get("/api/playback/sessions/<uuid:session_id>/storyboard")
@describe({200: StoryboardDocument})
def storyboard(session_id: UUID) -> Response:
    """Tell where the stills of a stream lie, while its lease lives; 404 where there are none."""
    lease = leases.get_live(require_signed_in(), session_id)
    board = storyboards.get(lease.video_id, lease.generation)
    db.session.commit()
    sheets = [
        url_for("playback.storyboard_sheet", session_id=session_id, sheet=number)
        for number in range(board.sheets)
    ]
    return jsonify(
        interval_seconds=board.interval_seconds,
        columns=board.columns,
        rows=board.rows,
        width=board.width,
        height=board.height,
        count=board.count,
        sheets=sheets,
    )


@blueprint.get("/api/playback/sessions/<uuid:session_id>/storyboard/<int:sheet>.jpg")
@describe({200: JPEG})
def storyboard_sheet(session_id: UUID, sheet: int) -> Response:
    """Answer one sheet of stills while the lease lives."""
    lease = leases.get_live(require_signed_in(), session_id)
    key = storyboards.sheet_key(lease.video_id, lease.generation, sheet)
    db.session.commit()
    return send_stored(key, JPEG)
