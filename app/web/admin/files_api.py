"""Files of lessons and covers by JSON; they arrive as uploads (`course_receivers`)."""

from uuid import UUID

from flask import Response, jsonify

from app.database import db
from app.domain.courses import cover_images, files
from app.web.access import require_signed_in
from app.web.admin import blueprint
from app.web.admin.course_receivers import once_committed, view_of, views_of
from app.web.admin.files_schemas import FileChange, LessonFileDocument, LessonFilesDocument
from app.web.json import read_body
from app.web.openapi import describe


@blueprint.get("/api/admin/lessons/<uuid:lesson_id>/files")
@describe({200: LessonFilesDocument})
def list_lesson_files(lesson_id: UUID) -> Response:
    """List a lesson's PDF and resources."""
    found = files.list_files(require_signed_in(), lesson_id)
    return jsonify(items=views_of(found))


@blueprint.patch("/api/admin/files/<uuid:file_id>")
@describe({200: LessonFileDocument}, body=FileChange)
def change_file(file_id: UUID) -> Response:
    """Give a file another name."""
    person, body = require_signed_in(), read_body(FileChange)
    answer = view_of(files.rename(person, file_id, body.filename))
    db.session.commit()
    return jsonify(file=answer)


@blueprint.delete("/api/admin/files/<uuid:file_id>")
@describe({204: None})
def delete_file(file_id: UUID) -> tuple[str, int]:
    """Take a file out of its lesson."""
    key = files.delete(require_signed_in(), file_id)
    db.session.commit()
    files.discard([key])
    return "", 204


@blueprint.delete("/api/admin/courses/<uuid:course_id>/cover")
@describe({204: None})
def delete_cover(course_id: UUID) -> tuple[str, int]:
    """Take a course's cover down; it has the drawn one again."""
    before = cover_images.put_up(require_signed_in(), course_id, None)
    once_committed(lambda: cover_images.discard(course_id, before))
    db.session.commit()
    return "", 204
