"""Uploads in parts: begin, ask what has arrived, complete, cancel. The parts are `parts`'."""

from typing import Any
from uuid import UUID

from flask import Response, jsonify, request

from app.database import db
from app.domain.accounts.sessions import SignedIn
from app.domain.videos import upload_room, uploads
from app.domain.videos.upload_models import Upload, UploadPurpose
from app.domain.videos.uploads import PartState, Wish
from app.errors import FileRefused, InvalidInput, MediaInvalid, TooLarge
from app.web.access import require_signed_in
from app.web.admin import blueprint
from app.web.admin.receivers import RECEIVERS, receiver_of
from app.web.admin.receiving import Receiver
from app.web.admin.uploads_schemas import (
    Completion,
    UploadDocument,
    UploadedDocument,
    UploadLimits,
    UploadRequest,
    UploadsDocument,
    UploadsQuery,
)
from app.web.admin.uploads_views import open_upload_view, part_view, upload_view
from app.web.json import read_body
from app.web.openapi import describe


@blueprint.get("/api/admin/uploads/limits")
@describe({200: UploadLimits})
def upload_limits() -> Response:
    """Tell what may be sent before the first byte is."""
    room = upload_room.measure()
    purposes = {
        purpose.value: {
            "max_bytes": receiver.max_bytes(),
            "content_types": sorted(receiver.content_types),
            "suffixes": sorted(receiver.suffixes),
        }
        for purpose, receiver in RECEIVERS.items()
    }
    return jsonify(
        purposes=purposes,
        free_bytes=room.free_bytes,
        quota_bytes=room.quota_bytes,
        used_bytes=room.used_bytes,
        part_size_bytes=uploads.PART_BYTES,
        max_open=uploads.MAX_OPEN,
    )


@blueprint.post("/api/admin/uploads")
@describe({201: UploadDocument}, body=UploadRequest)
def create_upload() -> tuple[Response, int]:
    """Begin an upload: PUT each part to its url, in any order, then complete it.

    The urls carry their own permission and need no credentials. They last a day; ask for the
    upload again for fresh ones and for what has arrived.
    """
    person = require_signed_in()
    wish, receiver = _wish(person, read_body(UploadRequest))
    receiver.check(person, wish.target_id)
    _require_fitting(receiver, wish)
    upload_room.require(wish.size_bytes)
    db.session.rollback()  # no transaction stays open across a vendor's call
    place = uploads.open_storage(wish)
    upload = uploads.begin(wish, place)
    db.session.commit()
    parts = [PartState(n, place.plan.size_of(n), None) for n in range(1, place.plan.part_count + 1)]
    return jsonify(_document(upload, parts)), 201


@blueprint.get("/api/admin/uploads")
@describe({200: UploadsDocument}, query=UploadsQuery)
def list_uploads() -> Response:
    """List the own unfinished uploads, the latest first."""
    person = require_signed_in()
    rows = uploads.list_open(person.id, request.args.get("fingerprint"))
    for row in rows:
        db.session.expunge(row)  # as it was read; nothing below may look at the database for it
    db.session.rollback()
    return jsonify(items=[open_upload_view(row) for row in rows])


@blueprint.get("/api/admin/uploads/<uuid:upload_id>")
@describe({200: UploadDocument})
def get_upload(upload_id: UUID) -> Response:
    """Tell which parts have arrived, with fresh urls for all of them."""
    person = require_signed_in()
    upload = uploads.find(person.id, upload_id)
    parts = uploads.list_parts(uploads.place_of(upload))
    return jsonify(_document(upload, parts))


@blueprint.post("/api/admin/uploads/<uuid:upload_id>/complete")
@describe({202: UploadedDocument}, body=Completion)
def complete_upload(upload_id: UUID) -> tuple[Response, int]:
    """Make the file whole and use it. Asking again, after a lost answer, answers the same."""
    person = require_signed_in()
    body = read_body(Completion)
    upload = uploads.find(person.id, upload_id)
    receiver = receiver_of(upload.purpose)
    place = uploads.place_of(upload)
    if upload.completed_at is not None:
        return _recalled(person, upload)
    db.session.expunge(upload)  # as it was read; nothing below may look at the database for it
    db.session.rollback()  # no transaction stays open across a vendor's call
    uploads.assemble(place, [(part.number, _bare(part.etag)) for part in body.parts])
    try:
        prepared = receiver.prepare(upload)
        completed = uploads.complete(person.id, upload_id, body.sha256)
        if completed is None:
            return _recalled(person, uploads.find(person.id, upload_id))
        answer = receiver.receive(person, completed, prepared)
    except (FileRefused, MediaInvalid):
        db.session.rollback()
        uploads.cancel(person.id, upload_id)
        db.session.commit()
        uploads.forget_parts(place)
        raise
    answer = {"upload": upload_view(completed), **answer}
    db.session.commit()
    return jsonify(answer), 202


def _recalled(person: SignedIn, upload: Upload) -> tuple[Response, int]:
    answer = receiver_of(upload.purpose).recall(person, upload)
    return jsonify(upload=upload_view(upload), **answer), 202


@blueprint.delete("/api/admin/uploads/<uuid:upload_id>")
@describe({204: None})
def cancel_upload(upload_id: UUID) -> tuple[str, int]:
    """Give an unfinished upload up; what has arrived is removed."""
    place = uploads.cancel(require_signed_in().id, upload_id)
    db.session.commit()
    uploads.forget_parts(place)
    return "", 204


def _wish(person: SignedIn, body: UploadRequest) -> tuple[Wish, Receiver]:
    try:
        purpose = UploadPurpose(body.purpose)
    except ValueError:
        known = ", ".join(purpose.value for purpose in RECEIVERS)
        raise InvalidInput({"purpose": f"Choose one of {known}."}) from None
    if body.lesson_id and body.course_id:
        raise InvalidInput({"course_id": "Name the lesson or the course, not both."})
    target = body.lesson_id or body.course_id
    wish = Wish(
        owner_id=person.id,
        purpose=purpose,
        target_id=UUID(target) if target else None,
        filename=_filename(body.filename),
        content_type=body.content_type.partition(";")[0].strip().lower(),
        size_bytes=body.size_bytes,
        fingerprint=body.fingerprint,
        declared_sha256=body.sha256,
    )
    return wish, receiver_of(purpose)


def _filename(given: str) -> str:
    """Return the last part of a path, without what no name of a file holds. Raises InvalidInput."""
    name = given.replace("\\", "/").rpartition("/")[2].strip()
    if not name or not name.isprintable() or name in (".", ".."):
        raise InvalidInput({"filename": "Give the file's name."})
    return name


def _require_fitting(receiver: Receiver, wish: Wish) -> None:
    """Refuse what could never be used. Raises InvalidInput, TooLarge."""
    if not receiver.takes(wish.filename, wish.content_type):
        raise InvalidInput(
            {"content_type": f"Send {receiver.kinds}; this file is of no such type."}
        )
    limit = receiver.max_bytes()
    if wish.size_bytes > limit:
        raise TooLarge(
            f"The file is larger than {limit // 1024**2} MB.",
            layer="site limit",
            limit_bytes=limit,
            remedy=receiver.remedy,
        )


def _bare(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')


def _document(upload: Upload, parts: list[PartState]) -> dict[str, Any]:
    return {
        **upload_view(upload),
        "parts": [part_view(upload, part) for part in parts],
        "received_bytes": sum(part.size_bytes for part in parts if part.etag),
        "media_id": upload.video_id,
    }
