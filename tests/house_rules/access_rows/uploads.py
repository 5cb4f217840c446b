"""Files on their way in. The upload is the owner's, of two bytes, and its part's url is signed."""

from typing import Any

from app.database import db
from app.domain.courses.models import Course, Lesson
from app.domain.videos import uploads
from app.domain.videos.part_addresses import Signed
from app.domain.videos.upload_models import UploadPurpose

TABLE = """
                              anon lrnr enrl rvkd susp ownr clgu supp admn
GET admin.uploads               in  403  403  403   in  200  200  403  200
GET admin.upload_limits        401  403  403  403  401  200  200  200  200
GET admin.list_uploads         401  403  403  403  401  200  200  200  200
POST admin.create_upload       401  403  403  403  401  201  404  403  201
GET admin.get_upload           401  403  403  403  401  200  404  404  404
PUT admin.put_part             200  200  200  200  200  200  200  200  200
POST admin.complete_upload     401  403  403  403  401  422  404  404  404
DELETE admin.cancel_upload     401  403  403  403  401  204  404  404  404
"""

KEYS = """
                              full read rvkd expd susp admn
GET admin.upload_limits        403  403  401  401  401  200
GET admin.list_uploads         403  403  401  401  401  200
POST admin.create_upload       403  403  401  401  401  201
GET admin.get_upload           403  403  401  401  401  404
PUT admin.put_part             200  200  200  200  200  200
POST admin.complete_upload     403  403  401  401  401  404
DELETE admin.cancel_upload     403  403  401  401  401  404
"""

BODIES = {
    "admin.create_upload": lambda values: {
        "filename": "film.mp4",
        "size_bytes": 10,
        "content_type": "video/mp4",
        "lesson_id": str(values["lesson_id"]),
    },
    "admin.complete_upload": lambda _: {"parts": [{"number": 1, "etag": "0" * 32}]},
}


SPECIAL: dict[str, dict[str, Any]] = {}


def values(course: Course, _lesson: Lesson) -> dict[str, Any]:
    """Begin an upload of the two bytes that an empty JSON body has."""
    wish = uploads.Wish(
        owner_id=course.instructor_id,
        purpose=UploadPurpose.VIDEO,
        target_id=None,
        filename="film.mp4",
        content_type="video/mp4",
        size_bytes=2,
    )
    upload = uploads.begin(wish, uploads.open_storage(wish))
    db.session.commit()
    signed = uploads.sign(upload, 1)
    assert isinstance(signed, Signed)
    SPECIAL["admin.put_part"] = {"expires": signed.expires, "signature": signed.signature}
    return {"upload_id": upload.id, "number": 1}
