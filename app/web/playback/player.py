"""What a player fetches: the manifest by token, then playlists, captions and keys by lease."""

from uuid import UUID

from flask import Response, request, url_for

from app.database import db
from app.domain.accounts import key_tokens
from app.domain.playback import grants, keys, leases, manifests, sessions
from app.errors import TokenInvalid
from app.web import bearer
from app.web.access import require_signed_in
from app.web.openapi import describe
from app.web.playback import blueprint
from app.web.playback.cookies import set_grant
from app.web.playback.schemas import ManifestQuery

HLS = "application/vnd.apple.mpegurl"


def _token() -> str:
    token = bearer.token()
    if token is None or key_tokens.is_like_a_key(token):  # a key says who asks, not for what
        token = request.args.get("token", "")
    if not token or len(token) > 2048:
        raise TokenInvalid("Send the playback token as Bearer authorization or as ?token=.")
    return token


@blueprint.get("/api/player/manifest")
@describe({200: HLS}, query=ManifestQuery)
def manifest() -> Response:
    """Open the lease of a token and answer the multivariant playlist with the media grant.

    A browser sends the playback token as Bearer authorization beside its session cookie, or as
    ?token=. A program sends its API key as Bearer authorization and the token as ?token=, which is
    how manifest_url is written.
    """
    person = require_signed_in()
    lease, tracks = sessions.open_by_token(person, _token())
    grant = grants.renew(lease, person)
    base = url_for("playback.list_sessions") + f"/{lease.id}"
    playlist = manifests.multivariant(base, tracks)
    db.session.commit()
    response = Response(playlist, mimetype=HLS)
    set_grant(response, grant)
    return response


@blueprint.get("/api/playback/sessions/<uuid:session_id>/renditions/<name>.m3u8")
@describe({200: HLS})
def rendition(session_id: UUID, name: str) -> Response:
    """Answer the media playlist of one rendition while the lease lives."""
    lease = leases.get_live(require_signed_in(), session_id)
    playlist = manifests.media_playlist(lease.video_id, lease.generation, name)
    db.session.commit()
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        response = Response(playlist.gzipped, mimetype=HLS)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = Response(playlist.plain, mimetype=HLS)
    response.headers["Vary"] = "Accept-Encoding"
    return response


@blueprint.get("/api/playback/sessions/<uuid:session_id>/keys/<int:window>")
@describe({200: "application/octet-stream"})
def content_key(session_id: UUID, window: int) -> Response:
    """Answer the 16 bytes of one window's key while the lease lives and its budget lasts."""
    key = keys.issue(require_signed_in(), session_id, window)
    db.session.commit()
    return Response(key, mimetype="application/octet-stream")


@blueprint.get("/api/playback/sessions/<uuid:session_id>/captions/<language>.m3u8")
@describe({200: HLS})
def caption_playlist(session_id: UUID, language: str) -> Response:
    """Answer the playlist of one caption track while the lease lives."""
    lease = leases.get_live(require_signed_in(), session_id)
    playlist = manifests.caption_playlist(lease.video_id, language, lease.duration_seconds)
    db.session.commit()
    return Response(playlist, mimetype=HLS)


@blueprint.get("/api/playback/sessions/<uuid:session_id>/captions/<language>.vtt")
@describe({200: "text/vtt"})
def caption_file(session_id: UUID, language: str) -> Response:
    """Answer one caption track as WebVTT while the lease lives."""
    lease = leases.get_live(require_signed_in(), session_id)
    webvtt = manifests.caption_file(lease.video_id, language)
    db.session.commit()
    return Response(webvtt, mimetype="text/vtt")
