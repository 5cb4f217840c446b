"""What becomes of an uploaded file, by its purpose: who may send it, how large, of which kind.

A part of the site that takes files adds its receiver to RECEIVERS; the uploads know no purpose.
"""

from uuid import UUID

from app.domain.accounts.sessions import SignedIn
from app.domain.audit.actions import Action
from app.domain.courses import authoring
from app.domain.courses.charge import lesson_in_charge, require_maker
from app.domain.site import choices
from app.domain.videos import ingest
from app.domain.videos.models import Video
from app.domain.videos.upload_models import Upload, UploadPurpose
from app.errors import InvalidInput, NotFound
from app.web import audit
from app.web.admin.course_receivers import ARCHIVE, COVER, DOCUMENT, RESOURCE
from app.web.admin.receiving import Answer, Receiver


def receiver_of(purpose: UploadPurpose) -> Receiver:
    """Return who takes files of a purpose. Raises InvalidInput when nobody does."""
    receiver = RECEIVERS.get(purpose)
    if receiver is None:
        raise InvalidInput({"purpose": "Nothing takes files of this purpose."})
    return receiver


def media_state(video: Video) -> Answer:
    """Return how far a video is, as everything that makes courses shows it."""
    has_error = video.error_code or video.error_detail
    return {
        "id": video.id,
        "title": video.title,
        "status": video.status.value,
        "stage": video.stage,
        "progress_percent": video.progress_percent,
        "seconds_left": video.seconds_left,
        "is_playable": video.generation is not None,
        "is_complete": video.is_complete,
        "error": {"code": video.error_code, "detail": video.error_detail} if has_error else None,
    }


def _check_video(person: SignedIn, lesson_id: UUID | None) -> None:
    require_maker(person)
    if lesson_id is not None:
        lesson_in_charge(person, lesson_id)


def _receive_video(person: SignedIn, upload: Upload, _prepared: None) -> Answer:
    if upload.target_id is not None:
        lesson_in_charge(person, upload.target_id, lock=True)
    video = ingest.add_from_upload(upload)
    if upload.target_id is not None:
        authoring.set_lesson_video(upload.target_id, video)
    audit.note(
        Action.VIDEO_ADDED,
        subject=video.id,
        subject_kind="video",
        size_bytes=upload.size_bytes,
        lesson=str(upload.target_id) if upload.target_id else None,
    )
    return {"media": media_state(video)}


def _recall_video(_person: SignedIn, upload: Upload) -> Answer:
    video = ingest.find_video(upload.video_id)
    if video is None:
        raise NotFound("The video was deleted meanwhile.")
    return {"media": media_state(video)}


VIDEO = Receiver(
    check=_check_video,
    receive=_receive_video,
    recall=_recall_video,
    max_bytes=lambda: choices.current().max_video_upload_bytes,
    content_types=frozenset(
        {
            "video/mp4",
            "video/quicktime",
            "video/x-m4v",
            "video/x-matroska",
            "video/matroska",
            "video/webm",
            "video/x-msvideo",
            "video/avi",
            "video/msvideo",
        }
    ),
    suffixes=frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"}),
    kinds="MP4, MOV, MKV, WebM or AVI",
    remedy="Export the video with a lower bit rate, or have an administrator raise the limit: "
    "in the site's settings, at most to the installation's MAX_VIDEO_UPLOAD_BYTES.",
)

RECEIVERS: dict[UploadPurpose, Receiver] = {
    UploadPurpose.VIDEO: VIDEO,
    UploadPurpose.DOCUMENT: DOCUMENT,
    UploadPurpose.RESOURCE: RESOURCE,
    UploadPurpose.COVER: COVER,
    UploadPurpose.ARCHIVE: ARCHIVE,
}
