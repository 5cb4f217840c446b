"""The local twin of the CDN: segments, checked against the grant, the sign-in and the lease."""

import re
from uuid import UUID

from flask import Response, request, send_file

from app.clock import utcnow
from app.current import integrations, settings
from app.database import db
from app.domain.playback import leases
from app.domain.playback.grants import prefix_of
from app.errors import GrantInvalid, NotFound
from app.integrations.local_cdn import COOKIE_NAME, LocalCdn
from app.web.access import require_signed_in
from app.web.playback import blueprint

SEGMENT = re.compile(r"(?:\d{5,8}\.m4s|init\.mp4)")
RUNG = re.compile(r"[a-z0-9]{1,16}")


@blueprint.get("/media/<uuid:video_id>/<int:generation>/<rung>/<name>")
def segment(video_id: UUID, generation: int, rung: str, name: str) -> Response:
    """Answer one stored segment (ciphertext), or leave sending it to nginx."""
    cdn = integrations.cdn
    if not isinstance(cdn, LocalCdn) or not (RUNG.fullmatch(rung) and SEGMENT.fullmatch(name)):
        raise NotFound
    person = require_signed_in()
    prefix = prefix_of(video_id, generation)
    cookie = request.cookies.get(COOKIE_NAME)
    if cookie is None:
        raise GrantInvalid
    lease_id = cdn.verify(prefix, cookie, person.session_hash, utcnow())
    leases.get_live(person, lease_id)
    db.session.commit()
    return send_stored(f"media/{prefix}/{rung}/{name}", "video/mp4")


def send_stored(key: str, mimetype: str) -> Response:
    """Answer what lies in storage at `key`, or leave sending it to nginx. Raises NotFound."""
    path = integrations.storage.local_path(key)
    if path is None:
        db.session.remove()  # no connection waits for the bucket
        with integrations.storage.open(key) as stored:
            response = Response(stored.read(), mimetype=mimetype)
    elif settings.x_accel_prefix:
        response = Response(mimetype=mimetype)
        response.headers["X-Accel-Redirect"] = f"{settings.x_accel_prefix}/{key}"
    elif path.is_file():
        response = send_file(path, mimetype=mimetype, etag=False, conditional=True)
    else:
        raise NotFound
    response.headers["Cache-Control"] = "private, no-store"
    return response
