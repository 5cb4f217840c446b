"""Files on their way in: begun, sent in parts, resumed on another day, completed or cancelled.

What a file is for is its receiver's business; here it is bytes, an owner and a limit. The calls
that talk to storage (`open_storage`, `assemble`, `forget_parts`) want no transaction open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import BinaryIO
from uuid import UUID, uuid4

from sqlalchemy import select

from app.clock import utcnow
from app.current import integrations
from app.database import db
from app.domain.videos import part_addresses, upload_room
from app.domain.videos.part_addresses import Signed
from app.domain.videos.upload_models import Upload, UploadPurpose, UploadStatus
from app.errors import InvalidInput, NotFound
from app.integrations.local_uploads import LocalUploads
from app.integrations.uploads import Part, Plan

PART_BYTES = 8 * 1024**2
MAX_PARTS = 1000
MAX_OPEN = 40
SILENCE = timedelta(days=7)
ASSEMBLED = "assembled"
FOLDERS = {
    UploadPurpose.VIDEO: "sources",
    UploadPurpose.DOCUMENT: "files",
    UploadPurpose.RESOURCE: "files",
}
ARRIVALS = "arrivals"
_SUFFIXES = {".m4v": ".mp4", ".mov": ".mp4", ".webm": ".mkv"}
_KNOWN_SUFFIXES = (".mp4", ".mkv", ".avi")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to send. `fingerprint` is what they will know the same file by."""

    owner_id: UUID
    purpose: UploadPurpose
    target_id: UUID | None
    filename: str
    content_type: str
    size_bytes: int
    fingerprint: str | None = None
    declared_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an upload lies in storage: what is known of it without a row or a transaction."""

    plan: Plan
    upload: str


@dataclass(frozen=True, slots=True)
class PartState:
    """A part of an upload: how long it is, and what has arrived as it, if it has."""

    number: int
    size_bytes: int
    etag: str | None


def open_storage(wish: Wish) -> Place:
    """Have the storage expect the file. Raises StorageFull, StorageUnavailable."""
    key = f"{FOLDERS.get(wish.purpose, ARRIVALS)}/{uuid4()}/source{_suffix(wish)}"
    smallest = -(-wish.size_bytes // MAX_PARTS)
    part_size = PART_BYTES if smallest <= PART_BYTES else -(-smallest // 1024**2) * 1024**2
    plan = Plan(key, wish.content_type, wish.size_bytes, part_size)
    return Place(plan, integrations.storage.uploads.begin(plan))


def begin(wish: Wish, place: Place) -> Upload:
    """Remember an upload that the storage expects. Raises QuotaExceeded, InvalidInput."""
    upload_room.promise(wish.size_bytes)
    if len(list_open(wish.owner_id)) >= MAX_OPEN:
        raise InvalidInput({"filename": "Finish or cancel some of your unfinished uploads first."})
    upload = Upload(
        owner_id=wish.owner_id,
        purpose=wish.purpose,
        target_id=wish.target_id,
        filename=wish.filename,
        content_type=wish.content_type,
        size_bytes=wish.size_bytes,
        part_size_bytes=place.plan.part_size_bytes,
        storage_key=place.plan.key,
        storage_upload=place.upload,
        fingerprint=wish.fingerprint,
        declared_sha256=wish.declared_sha256,
    )
    db.session.add(upload)
    db.session.flush()
    return upload


def list_open(owner_id: UUID, fingerprint: str | None = None) -> list[Upload]:
    """Return somebody's unfinished uploads, the latest first; those of one file where asked."""
    statement = select(Upload).where(
        Upload.owner_id == owner_id, Upload.status == UploadStatus.OPEN
    )
    if fingerprint is not None:
        statement = statement.where(Upload.fingerprint == fingerprint)
    return list(db.session.scalars(statement.order_by(Upload.created_at.desc()).limit(MAX_OPEN)))


def find(owner_id: UUID, upload_id: UUID) -> Upload:
    """Return an upload of this person that was not cancelled. Raises NotFound."""
    upload = db.session.scalar(
        select(Upload).where(
            Upload.id == upload_id,
            Upload.owner_id == owner_id,
            Upload.status != UploadStatus.CANCELLED,
        )
    )
    if upload is None:
        raise NotFound
    return upload


def find_signed(upload_id: UUID, number: int, signed: Signed) -> Upload:
    """Return the open upload that an address was signed for. Raises GrantInvalid, NotFound."""
    upload = db.session.get(Upload, upload_id)
    size_bytes = place_of(upload).plan.size_of(number) if upload and _has(upload, number) else 0
    part_addresses.verify(upload_id, number, size_bytes, signed)
    if upload is None or upload.status is not UploadStatus.OPEN:
        raise NotFound("This upload has ended.")
    return upload


def place_of(upload: Upload) -> Place:
    """Return where an upload lies."""
    plan = Plan(upload.storage_key, upload.content_type, upload.size_bytes, upload.part_size_bytes)
    return Place(plan, upload.storage_upload)


def sign(upload: Upload, number: int) -> str | Signed:
    """Return the storage's own address for a part, or what makes one of ours good for it."""
    seconds = int(part_addresses.LASTS.total_seconds())
    address = integrations.storage.uploads.part_url(
        upload.storage_key, upload.storage_upload, number, seconds
    )
    if address is not None:
        return address
    return part_addresses.sign(upload.id, number, place_of(upload).plan.size_of(number))


def receive_part(place: Place, number: int, body: BinaryIO) -> Part:
    """Write a part that was sent to this application, in constant memory.

    Raises NotFound, InvalidInput, StorageFull, StorageUnavailable.
    """
    taker = integrations.storage.uploads
    if not isinstance(taker, LocalUploads):
        raise NotFound("Parts go to the storage itself.")
    return taker.put_part(place.plan.key, place.upload, number, body)


def touch(upload_id: UUID) -> None:
    """Note that an open upload was heard of."""
    upload = db.session.get(Upload, upload_id)
    if upload is not None and upload.status is UploadStatus.OPEN:
        upload.touched_at = utcnow()


def list_parts(place: Place) -> list[PartState]:
    """Return every part and what has arrived of it; of an assembled file all have.

    Raises NotFound when the storage knows the upload no more, StorageUnavailable.
    """
    plan = place.plan
    try:
        arrived = integrations.storage.uploads.list_parts(plan.key, place.upload)
    except NotFound:
        _require_assembled(plan)
        etags = dict.fromkeys(range(1, plan.part_count + 1), ASSEMBLED)
    else:
        etags = {part.number: part.etag for part in arrived if _is_whole(plan, part)}
    numbers = range(1, plan.part_count + 1)
    return [PartState(number, plan.size_of(number), etags.get(number)) for number in numbers]


def assemble(place: Place, named: Sequence[tuple[int, str]]) -> None:
    """Make the object of the parts that the sender names; doing it twice changes nothing.

    Raises NotFound, InvalidInput naming `parts`, StorageUnavailable.
    """
    plan, storage = place.plan, integrations.storage
    try:
        arrived = storage.uploads.list_parts(plan.key, place.upload)
        _require_all(plan, arrived, named)
        whole = [part for part in arrived if _is_whole(plan, part)]
        storage.uploads.complete(plan.key, place.upload, whole)
    except NotFound:
        _require_assembled(plan)


def complete(owner_id: UUID, upload_id: UUID, declared_sha256: str | None = None) -> Upload | None:
    """Mark an assembled upload as completed; None when it was. Raises NotFound.

    The row stays locked until the commit: of two answers to the same end one makes something.
    """
    upload = db.session.scalar(
        select(Upload)
        .where(Upload.id == upload_id, Upload.owner_id == owner_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if upload is None or upload.status is UploadStatus.CANCELLED:
        raise NotFound
    if upload.status is UploadStatus.COMPLETED:
        return None
    upload.status = UploadStatus.COMPLETED
    upload.completed_at = upload.touched_at = utcnow()
    upload.declared_sha256 = declared_sha256 or upload.declared_sha256
    db.session.flush()
    return upload


def cancel(owner_id: UUID, upload_id: UUID) -> Place:
    """Give an open upload up; what has arrived goes after the commit. Raises NotFound."""
    upload = db.session.scalar(
        select(Upload)
        .where(
            Upload.id == upload_id,
            Upload.owner_id == owner_id,
            Upload.status == UploadStatus.OPEN,
        )
        .with_for_update()
    )
    if upload is None:
        raise NotFound
    upload.status = UploadStatus.CANCELLED
    upload.touched_at = utcnow()
    db.session.flush()
    return place_of(upload)


def forget_parts(place: Place) -> None:
    """Remove what has arrived of an upload that ended without its file being used."""
    key = place.plan.key
    integrations.storage.uploads.abort(key, place.upload)
    integrations.storage.delete_prefix(str(PurePosixPath(key).parent))


def _require_all(plan: Plan, arrived: Sequence[Part], named: Sequence[tuple[int, str]]) -> None:
    """Refuse unless each part is there, as long as it must be, and is the one that was sent."""
    there = {part.number: part.etag for part in arrived if _is_whole(plan, part)}
    missing = [str(n) for n in range(1, plan.part_count + 1) if n not in there]
    if missing:
        some = ", ".join(missing[:10]) + (" and more" if len(missing) > 10 else "")
        raise InvalidInput({"parts": f"Send these parts first: {some}."})
    if sorted(named) != sorted(there.items()):
        raise InvalidInput({"parts": "Name each part once, with the ETag its PUT answered."})


def _require_assembled(plan: Plan) -> None:
    if integrations.storage.size(plan.key) != plan.size_bytes:
        raise NotFound("Nothing of this upload is left. Begin again.")


def _is_whole(plan: Plan, part: Part) -> bool:
    return 1 <= part.number <= plan.part_count and part.size_bytes == plan.size_of(part.number)


def _has(upload: Upload, number: int) -> bool:
    return 1 <= number <= place_of(upload).plan.part_count


def _suffix(wish: Wish) -> str:
    suffix = PurePosixPath(wish.filename).suffix.lower()
    suffix = _SUFFIXES.get(suffix, suffix)
    return suffix if suffix in _KNOWN_SUFFIXES else ""
