"""Covers, files of lessons, and courses on their way in and out."""

import uuid
from datetime import timedelta
from typing import Any

from app.clock import utcnow
from app.current import integrations
from app.database import db
from app.domain.courses.file_models import CourseTransfer, TransferKind, TransferStatus
from app.domain.courses.models import Course, Lesson
from tests.support.course_files import make_cover, make_file

TABLE = """
                              anon lrnr enrl rvkd susp ownr clgu supp admn
GET courses.cover              200  200  200  200  200  200  200  200  200
GET courses.lesson_file         in  403  200  403   in  200  403  403  200
GET admin.list_lesson_files    401  403  403  403  401  200  404  403  200
PATCH admin.change_file        401  403  403  403  401  200  404  403  200
DELETE admin.delete_file       401  403  403  403  401  204  404  404  404
DELETE admin.delete_cover      401  403  403  403  401  204  404  403  204
POST admin.create_export       401  403  403  403  401  202  404  403  202
GET admin.list_transfers       401  403  403  403  401  200  200  200  200
GET admin.get_transfer         401  403  403  403  401  200  404  404  200
GET admin.get_archive          401  403  403  403  401  200  404  404  200
GET admin.transfers             in  403  403  403   in  200  200  200  200
GET admin.download_archive      in  403  403  403   in  200  404  404  200
POST admin.export_course        in  403  403  403   in  303  404  403  303
"""

KEYS = """
                              full read rvkd expd susp admn
GET admin.list_lesson_files    403  403  401  401  401  200
PATCH admin.change_file        403  403  401  401  401  200
DELETE admin.delete_file       403  403  401  401  401  204
DELETE admin.delete_cover      403  403  401  401  401  204
POST admin.create_export       403  403  401  401  401  202
GET admin.list_transfers       403  403  401  401  401  200
GET admin.get_transfer         403  403  401  401  401  200
GET admin.get_archive          403  403  401  401  401  200
"""

BODIES = {"admin.change_file": lambda _: {"filename": "pattern.txt"}}


def values(course: Course, lesson: Lesson) -> dict[str, Any]:
    """Give the course a cover, the lesson a file, and its teacher an archive to fetch."""
    transfer_id = uuid.uuid4()
    key = f"transfers/{transfer_id}/course.zip"
    integrations.storage.put_bytes(key, b"PK", "application/zip")
    transfer = CourseTransfer(
        id=transfer_id,
        kind=TransferKind.EXPORT,
        status=TransferStatus.READY,
        course_id=course.id,
        created_by_id=course.instructor_id,
        title=course.title,
        storage_key=key,
        finished_at=utcnow(),
        expires_at=utcnow() + timedelta(days=1),
    )
    db.session.add(transfer)
    db.session.commit()
    return {
        "course_id": course.id,
        "cover_id": make_cover(course),
        "width": 320,
        "file_id": make_file(lesson).id,
        "transfer_id": transfer_id,
    }
