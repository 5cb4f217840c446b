"""The pages about videos: the list, one of them live, and what may be done about it."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from app.clock import utcnow
from app.domain.accounts.models import Role
from app.domain.courses import charge, media
from app.domain.courses.charge import owner_of
from app.domain.courses.overview import count_media
from app.domain.videos import overview
from app.domain.videos.models import VideoStatus
from app.domain.videos.overview import VideoRow
from app.errors import InUse, InvalidInput
from app.web.access import require_signed_in
from app.web.admin import blueprint, media_acts
from app.web.admin.captions_forms import CaptionsUploadForm
from app.web.admin.forms import PlainForm
from app.web.admin.media_schemas import MediaQuery
from app.web.admin.paging import Page, read_page
from app.web.admin.queries import given, read_query

QUEUED_AGAIN = lazy_gettext("The video is queued to be prepared again.")
UNDER_WAY = lazy_gettext("The video is being prepared already.")
CANCELLED = lazy_gettext("The preparation was cancelled.")
OVER = lazy_gettext("There was nothing left to cancel.")
DELETED = lazy_gettext("The video is deleted. Its files go in a moment.")
SUSPICIOUS_SECONDS = 30
RENAMED = lazy_gettext("The title is changed.")


@blueprint.get("/admin/videos")
def videos() -> ResponseReturnValue:
    """List videos, newest first, narrowed by what is asked for."""
    owner_id = owner_of(require_signed_in())
    faults: dict[str, str] = {}
    try:
        wanted = read_query(MediaQuery)
        page = read_page(
            lambda after, limit: media.list_media(
                owner_id, after, limit, text=wanted.q, status=wanted.status
            )
        )
    except InvalidInput as error:
        faults, page = error.fields, Page([], None)
    shown = render_template(
        "admin/videos.html",
        page=page,
        asked=given(MediaQuery),
        faults=faults,
        counts=count_media(owner_id),
        statuses=list(VideoStatus),
    )
    return shown, 422 if faults else 200


@blueprint.get("/admin/videos/<uuid:video_id>")
def video(video_id: UUID) -> str:
    """Show one video: how far it is, what it is made of, where it is shown."""
    return page_of(video_id, CaptionsUploadForm(formdata=None))


@blueprint.post("/admin/videos/<uuid:video_id>")
def rename_video(video_id: UUID) -> ResponseReturnValue:
    """Give a video another title."""
    try:
        media_acts.rename(video_id, request.form.get("title", ""))
    except InvalidInput as error:
        flash(error.fields["title"], "error")
    else:
        flash(RENAMED, "ok")
    return _back(video_id)


@blueprint.post("/admin/videos/<uuid:video_id>/retry")
def retry_video(video_id: UUID) -> ResponseReturnValue:
    """Prepare a video again."""
    is_new = media_acts.retry(video_id)
    flash(QUEUED_AGAIN if is_new else UNDER_WAY, "ok" if is_new else "info")
    return _back(video_id)


@blueprint.post("/admin/videos/<uuid:video_id>/cancel")
def cancel_video(video_id: UUID) -> ResponseReturnValue:
    """Stop preparing a video."""
    is_new = media_acts.cancel(video_id)
    flash(CANCELLED if is_new else OVER, "ok" if is_new else "info")
    return _back(video_id)


@blueprint.route("/admin/videos/<uuid:video_id>/delete", methods=["GET", "POST"])
def delete_video(video_id: UUID) -> ResponseReturnValue:
    """Say what goes with a video, and delete it once that is confirmed."""
    person = require_signed_in()
    charge.video_in_charge(person, video_id)
    form, refused = PlainForm(), None
    if form.validate_on_submit():
        try:
            media_acts.discard(video_id)
        except InUse as error:
            refused = error.detail
        else:
            flash(DELETED, "ok")
            return redirect(url_for("admin.videos"), 303)
    owner_id = owner_of(person)
    shown = render_template(
        "admin/delete_video.html",
        form=form,
        refused=refused,
        video=media.get_media(owner_id, video_id),
        captions=overview.list_captions(video_id),
        uses=media.list_uses(owner_id, video_id),
    )
    return shown, 409 if refused else 200


def page_of(video_id: UUID, form: CaptionsUploadForm) -> str:
    """Return the page of a video with the form for captions as it is. Raises NotFound."""
    person = require_signed_in()
    owner_id = owner_of(person)
    row = media.get_media(owner_id, video_id)
    return render_template(
        "admin/video.html",
        video=row,
        form=form,
        rungs=overview.list_rungs(row),
        captions=overview.list_captions(video_id),
        uses=media.list_uses(owner_id, video_id),
        may_change=person.role in (Role.INSTRUCTOR, Role.ADMIN),
        silent_seconds=_silent_seconds(row),
    )


def _silent_seconds(row: VideoRow) -> int | None:
    """Return how long nothing was heard of a running transcode, if that is suspicious."""
    if row.status is not VideoStatus.PROCESSING or row.reported_at is None:
        return None
    seconds = int((utcnow() - row.reported_at).total_seconds())
    return seconds if seconds >= SUSPICIOUS_SECONDS else None


def _back(video_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("admin.video", video_id=video_id), 303)
