"""The door that takes parts of uploads when they are stored on this machine.

Its addresses carry their own permission, so it asks nobody to sign in; the access guard and the
administration's know it by name.
"""

from typing import BinaryIO, cast
from uuid import UUID

from flask import Response, request

from app.database import db
from app.domain.accounts import users
from app.domain.accounts.models import Role, User, UserStatus
from app.domain.videos import uploads
from app.domain.videos.part_addresses import Signed
from app.errors import GrantInvalid, InvalidInput, TooLarge
from app.web.admin import blueprint
from app.web.admin.uploads_schemas import PartQuery
from app.web.openapi import describe

MAKERS = (Role.INSTRUCTOR, Role.ADMIN)


@blueprint.put("/api/admin/uploads/<uuid:upload_id>/parts/<int:number>")
@describe({200: None}, query=PartQuery)
def put_part(upload_id: UUID, number: int) -> Response:
    """Take one part; sent again, it replaces what came before. The ETag names what is in it.

    The url is given by the upload and needs no credentials. The body is the bytes themselves.
    """
    upload = uploads.find_signed(upload_id, number, _signed())
    _require_maker(users.get_user(upload.owner_id))
    place = uploads.place_of(upload)
    size_bytes = place.plan.size_of(number)
    _require_length(size_bytes)
    db.session.rollback()  # a slow sender holds no connection
    request.max_content_length = size_bytes + 1
    part = uploads.receive_part(place, number, cast(BinaryIO, request.stream))
    uploads.touch(upload_id)
    db.session.commit()
    response = Response(status=200, mimetype="text/plain")
    response.set_etag(part.etag)
    return response


def _signed() -> Signed:
    """Return what the address carries. Raises GrantInvalid."""
    expires = request.args.get("expires", "")
    if not (expires.isascii() and expires.isdigit() and len(expires) < 16):
        raise GrantInvalid("This address is not signed.")
    return Signed(int(expires), request.args.get("signature", ""))


def _require_maker(owner: User) -> None:
    """Refuse the parts of somebody who may no longer send them. Raises GrantInvalid."""
    if owner.status is not UserStatus.ACTIVE or owner.role not in MAKERS:
        raise GrantInvalid("Whoever began this upload may no longer send files.")


def _require_length(size_bytes: int) -> None:
    """Refuse a body of another length before it is read. Raises TooLarge, InvalidInput."""
    length = request.content_length
    if length is not None and length > size_bytes:
        raise TooLarge(
            f"This part has {size_bytes} bytes; {length} were announced.",
            layer="application",
            limit_bytes=size_bytes,
            remedy="Cut the file at part_size_bytes and send each piece to its own url.",
        )
    if length is not None and length < size_bytes:
        raise InvalidInput({"part": f"This part has {size_bytes} bytes; send all of them."})
