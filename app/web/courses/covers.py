"""Courses' uploaded covers, in the widths they were drawn in."""

from uuid import UUID

from flask import Response

from app.database import db
from app.domain.courses import cover_images
from app.errors import NotFound
from app.integrations.images import VARIANT_TYPE
from app.web.access import signed_in
from app.web.courses import blueprint
from app.web.stored import send_stored

A_WEEK_SECONDS = 7 * 24 * 3600


@blueprint.get("/covers/<uuid:course_id>/<uuid:cover_id>/<int:width>.webp")
def cover(course_id: UUID, cover_id: UUID, width: int) -> Response:
    """Send a cover to whoever may see its course."""
    person = signed_in()
    who = (person.user_id, person.role) if person else (None, None)
    is_open = cover_images.is_open(course_id, cover_id, *who)
    if width not in cover_images.WIDTHS:
        raise NotFound
    db.session.commit()
    db.session.remove()  # the storage and the reader may take their time
    response = send_stored(cover_images.key_of(course_id, cover_id, width), VARIANT_TYPE)
    # Kept by the browser that was shown it and by nobody in between: the course may be withdrawn.
    lasts = f"private, max-age={A_WEEK_SECONDS}, immutable"
    response.headers["Cache-Control"] = lasts if is_open else "private, no-store"
    return response
