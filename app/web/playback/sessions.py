"""/api/playback: start a stream, keep it alive, list and stop streams."""

from uuid import UUID

from flask import Response, jsonify, url_for
from flask.typing import ResponseReturnValue

from app import metrics
from app.current import settings
from app.database import db, write_together
from app.domain.playback import beats, devices, grants, sessions
from app.domain.playback.beats import Beat
from app.domain.site import choices
from app.integrations.cdn import Grant
from app.web.access import client_info, require_signed_in
from app.web.json import read_body
from app.web.openapi import describe
from app.web.playback import blueprint
from app.web.playback.cookies import set_grant
from app.web.playback.schemas import (
    Heartbeat,
    HeartbeatDocument,
    StreamsDocument,
    TokenDocument,
    TokenRequest,
)


@blueprint.post("/api/playback/token")
@describe({201: TokenDocument}, body=TokenRequest)
def create_token() -> ResponseReturnValue:
    """Open a stream for a lesson and answer the token that fetches its manifest."""
    person = require_signed_in()
    body = read_body(TokenRequest)
    started = sessions.start(
        person,
        UUID(body.lesson_id),
        devices.name_of(client_info().user_agent),
        UUID(body.replace_session_id) if body.replace_session_id else None,
    )
    db.session.commit()
    metrics.playback_starts.inc()
    return jsonify(
        token=started.token,
        expires_in_seconds=settings.playback_token_seconds,
        session_id=started.session_id,
        manifest_url=url_for("playback.manifest", token=started.token),
        heartbeat_interval_seconds=settings.heartbeat_interval_seconds,
        watermark={"text": started.watermark.text, "code": started.watermark.code},
        resume_position_seconds=started.resume_position_seconds,
        max_streams=choices.current().max_streams,
    ), 201


@blueprint.post("/api/playback/sessions/<uuid:session_id>/heartbeat")
@describe({200: HeartbeatDocument}, body=Heartbeat)
def heartbeat(session_id: UUID) -> ResponseReturnValue:
    """Renew the lease and the media grant, and save the position and what was watched."""
    person = require_signed_in()
    body = read_body(Heartbeat)
    beat = Beat(body.position_seconds, tuple(body.watched), body.ended, body.watermark_hidden)
    pulse = beats.beat_alone(person, session_id, beat)
    if pulse is None:
        if write_together():
            db.session.commit()
        pulse = sessions.heartbeat(person, session_id, beat)
    grant = grants.renew(pulse.lease, person)
    db.session.commit()
    response = jsonify(
        lease_expires_in_seconds=pulse.lease_expires_in_seconds,
        grant=_grant_document(grant),
        lesson_completed=pulse.lesson_completed,
        course_percent=pulse.course_percent,
    )
    set_grant(response, grant)
    return response


@blueprint.get("/api/playback/sessions")
@describe({200: StreamsDocument})
def list_sessions() -> Response:
    """List the streams that run on this account now."""
    return jsonify(items=sessions.list_live(require_signed_in()))


@blueprint.delete("/api/playback/sessions/<uuid:session_id>")
@describe({204: None})
def stop_session(session_id: UUID) -> ResponseReturnValue:
    """Stop one of the own streams; stopping it twice is no error."""
    sessions.stop(require_signed_in(), session_id)
    db.session.commit()
    return Response(status=204)


def _grant_document(grant: Grant) -> dict[str, object]:
    return {
        "mode": "cookie" if grant.cookies else "query",
        "query": grant.query,
        "expires_in_seconds": settings.media_grant_seconds,
    }
