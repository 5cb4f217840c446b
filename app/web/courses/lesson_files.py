"""What lessons hand out: their PDF and their resources, to who may open the lesson now."""

from uuid import UUID

from flask import Response, request

from app.database import db
from app.domain.courses import files
from app.domain.courses.file_kinds import PDF
from app.web.access import require_signed_in
from app.web.courses import blueprint
from app.web.stored import call_it, send_stored


@blueprint.get("/learn/<slug>/<uuid:lesson_id>/files/<uuid:file_id>")
def lesson_file(slug: str, lesson_id: UUID, file_id: UUID) -> Response:
    """Send a file to keep; a PDF with `?view=1` to read in the browser."""
    person = require_signed_in()
    file = files.get_open_file(person.user_id, slug, lesson_id, file_id, person.role)
    key, name, content_type = file.storage_key, file.filename, file.content_type
    db.session.commit()
    db.session.remove()  # the storage and the reader may take their time
    response = send_stored(key, content_type)
    is_read = content_type == PDF and request.args.get("view") == "1"
    call_it(response, name, is_attachment=not is_read)
    response.headers["Cache-Control"] = "private, no-store"
    return response
