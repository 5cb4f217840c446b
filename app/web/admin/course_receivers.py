"""What becomes of files sent for a course: its cover, a lesson's PDF and resources, an archive."""

from collections.abc import Callable, Sequence
from uuid import UUID

from flask import Response, after_this_request
from sqlalchemy import select

from app.database import db
from app.domain.accounts.sessions import SignedIn
from app.domain.audit.actions import Action
from app.domain.courses import cover_images, files, transfers
from app.domain.courses.builder import get_builder
from app.domain.courses.built import FileView
from app.domain.courses.charge import course_in_charge, lesson_in_charge, require_maker
from app.domain.courses.file_kinds import PDF, TYPES, clean_name
from app.domain.courses.file_models import CourseFile
from app.domain.courses.files import StoredFile
from app.domain.courses.models import Course
from app.domain.site import choices
from app.domain.videos.upload_models import Upload
from app.errors import FileRefused, InvalidInput, NotFound
from app.integrations import images
from app.web import audit
from app.web.admin.making_views import course_view, file_view
from app.web.admin.receiving import Answer, Receiver
from app.web.admin.transfers_views import transfer_view

SMALLER = "Make it smaller, or link to a place where it lies."


def views_of(files: Sequence[CourseFile]) -> list[Answer]:
    """Return files of one lesson as the JSON of making has them."""
    if not files:
        return []
    slug = db.session.scalars(select(Course.slug).where(Course.id == files[0].course_id)).one()
    return [
        file_view(
            slug,
            FileView(file.id, file.lesson_id, file.filename, file.content_type, file.size_bytes),
        )
        for file in files
    ]


def view_of(file: CourseFile) -> Answer:
    """Return a file of a lesson as the JSON of making has it."""
    return views_of([file])[0]


def once_committed(act: Callable[[], object]) -> None:
    """Have `act` done behind the request's commit; not when it fails."""

    @after_this_request
    def _settle(response: Response) -> Response:
        if response.status_code < 400:
            act()
        return response


def _check_lesson(person: SignedIn, lesson_id: UUID | None) -> None:
    if lesson_id is None:
        raise InvalidInput({"lesson_id": "Name the lesson that the file is for."})
    lesson_in_charge(person, lesson_id)


def _check_course(person: SignedIn, course_id: UUID | None) -> None:
    if course_id is None:
        raise InvalidInput({"course_id": "Name the course that the picture is for."})
    course_in_charge(person, course_id)


def _check_archive(person: SignedIn, target_id: UUID | None) -> None:
    require_maker(person)
    if target_id is not None:
        raise InvalidInput({"course_id": "An archive becomes a course of its own."})


def _target_of(upload: Upload) -> UUID:
    if upload.target_id is None:
        raise NotFound
    return upload.target_id


def _proved(stored: StoredFile, upload: Upload) -> StoredFile:
    declared = upload.declared_sha256
    if declared is not None and declared.lower() != stored.sha256:
        raise FileRefused("The file arrived damaged: its SHA-256 is another. Send it again.")
    return stored


def _read_document(upload: Upload) -> StoredFile:
    return files.read_document(upload.storage_key, upload.filename)


def _receive_document(person: SignedIn, upload: Upload, read: StoredFile) -> Answer:
    stored = _proved(read, upload)
    file, outdated = files.attach_document(person, _target_of(upload), stored)
    once_committed(lambda: files.discard(outdated))
    return {"file": view_of(file)}


def _read_resource(upload: Upload) -> StoredFile:
    return files.read_resource(upload.storage_key, upload.filename)


def _receive_resource(person: SignedIn, upload: Upload, read: StoredFile) -> Answer:
    stored = _proved(read, upload)
    return {"file": view_of(files.attach_resource(person, _target_of(upload), stored))}


def _recall_file(_person: SignedIn, upload: Upload) -> Answer:
    return {"file": view_of(files.find_stored(upload.storage_key))}


def _draw_cover(upload: Upload) -> UUID:
    return cover_images.draw(_target_of(upload), upload.storage_key)


def _receive_cover(person: SignedIn, upload: Upload, cover_id: UUID) -> Answer:
    course_id, source = _target_of(upload), upload.storage_key
    before = cover_images.put_up(person, course_id, cover_id)

    def tidy() -> None:
        cover_images.discard(course_id, before)
        cover_images.discard_source(source)

    once_committed(tidy)
    return {"course": course_view(get_builder(person, course_id))}


def _recall_cover(person: SignedIn, upload: Upload) -> Answer:
    return {"course": course_view(get_builder(person, _target_of(upload)))}


def _receive_archive(person: SignedIn, upload: Upload, _prepared: None) -> Answer:
    name = clean_name(upload.filename)
    transfer = transfers.begin_import(person, name, upload.storage_key, upload.size_bytes)
    audit.note(Action.COURSE_IMPORTED, subject=transfer.id, subject_kind="transfer", file=name)
    return {"transfer": transfer_view(transfers.row_of(transfer))}


def _recall_archive(person: SignedIn, upload: Upload) -> Answer:
    transfer = transfers.find_by_archive(person, upload.storage_key)
    return {"transfer": transfer_view(transfers.row_of(transfer))}


DOCUMENT = Receiver(
    check=_check_lesson,
    prepare=_read_document,
    receive=_receive_document,
    recall=_recall_file,
    max_bytes=lambda: files.MAX_DOCUMENT_BYTES,
    content_types=frozenset({PDF}),
    suffixes=frozenset({".pdf"}),
    kinds="PDF",
    remedy="Export the PDF with smaller pictures.",
)
RESOURCE = Receiver(
    check=_check_lesson,
    prepare=_read_resource,
    receive=_receive_resource,
    recall=_recall_file,
    max_bytes=lambda: files.MAX_RESOURCE_BYTES,
    content_types=frozenset(TYPES.values()),
    suffixes=frozenset(TYPES),
    kinds="PDF, zip, office documents, text, pictures or sound",
    remedy=SMALLER,
)
COVER = Receiver(
    check=_check_course,
    prepare=_draw_cover,
    receive=_receive_cover,
    recall=_recall_cover,
    max_bytes=lambda: cover_images.MAX_BYTES,
    content_types=frozenset(images.CONTENT_TYPES),
    suffixes=frozenset({".jpg", ".jpeg", ".png", ".webp"}),
    kinds="JPEG, PNG or WebP",
    remedy="Save the picture smaller: 1280 x 720 pixels are enough.",
)
ARCHIVE = Receiver(
    check=_check_archive,
    receive=_receive_archive,
    recall=_recall_archive,
    max_bytes=lambda: choices.current().max_video_upload_bytes,
    content_types=frozenset({"application/zip", "application/x-zip-compressed"}),
    suffixes=frozenset({".zip"}),
    kinds="a zip",
    remedy="Import the course without its largest videos and upload those one by one.",
)
