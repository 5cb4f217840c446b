"""The pages about captions: bringing a file, the editor beside the video, removing a track."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from app.domain.accounts.models import Role
from app.domain.courses import media
from app.domain.courses.charge import owner_of
from app.domain.videos import captions
from app.domain.videos.captions import is_language
from app.domain.videos.models import CaptionTrack
from app.errors import InvalidInput, NotFound, VersionConflict
from app.web.access import require_signed_in
from app.web.admin import blueprint, media_acts
from app.web.admin.captions_forms import CaptionsForm, CaptionsUploadForm, name_of
from app.web.admin.videos import page_of

SAVED = lazy_gettext("The captions are saved. Learners have them at their next play.")
REMOVED = lazy_gettext("The captions are deleted.")
CHANGED_ELSEWHERE = lazy_gettext(
    "These captions were changed elsewhere meanwhile. Below is what you wrote; saving again "
    "replaces the other version."
)


@blueprint.post("/admin/videos/<uuid:video_id>/captions")
def upload_captions(video_id: UUID) -> ResponseReturnValue:
    """Take a WebVTT or SRT file as the captions in one language, or lead to the editor."""
    form = CaptionsUploadForm()
    if form.validate_on_submit():
        if "write" in request.form:
            return redirect(_editor(video_id, form.language.data), 303)
        text = form.read_text()
        language = form.language.data
        if text is not None and _is_saved(video_id, form, language, text):
            flash(SAVED, "ok")
            return redirect(_editor(video_id, language), 303)
    return page_of(video_id, form), 422


@blueprint.route("/admin/videos/<uuid:video_id>/captions/<language>", methods=["GET", "POST"])
def edit_captions(video_id: UUID, language: str) -> ResponseReturnValue:
    """Show the captions in one language beside the video, and save what is written."""
    if not is_language(language):
        raise NotFound
    track = _seen_track(video_id, language)
    form, conflict, status = CaptionsForm(), None, 200
    if form.validate_on_submit():
        try:
            media_acts.save_captions(
                video_id, language, form.label.data, form.text.data or "", form.version.data
            )
        except VersionConflict:
            conflict, status = track, 409
            form.version.data = track.version if track else 0
        except InvalidInput as error:
            status = 422
            for name, problem in error.fields.items():
                form[name].errors = [*form[name].errors, problem]
        else:
            flash(SAVED, "ok")
            return redirect(_editor(video_id, language), 303)
    elif form.is_submitted():
        status = 422
    else:
        form.label.data = track.label if track else name_of(language)
        form.text.data = track.webvtt if track else "WEBVTT\n"
        form.version.data = track.version if track else 0
    return _render(video_id, language, form, conflict), status


@blueprint.post("/admin/videos/<uuid:video_id>/captions/<language>/delete")
def remove_captions(video_id: UUID, language: str) -> ResponseReturnValue:
    """Delete the captions in one language."""
    if media_acts.remove_captions(video_id, language):
        flash(REMOVED, "ok")
    return redirect(url_for("admin.video", video_id=video_id), 303)


def _is_saved(video_id: UUID, form: CaptionsUploadForm, language: str, text: str) -> bool:
    try:
        media_acts.save_captions(video_id, language, name_of(language), text, None)
    except InvalidInput as error:
        form.file.errors = list(error.fields.values())
        return False
    return True


def _seen_track(video_id: UUID, language: str) -> CaptionTrack | None:
    media.get_media(owner_of(require_signed_in()), video_id)
    return captions.find(video_id, language)


def _render(
    video_id: UUID, language: str, form: CaptionsForm, conflict: CaptionTrack | None
) -> str:
    person = require_signed_in()
    owner_id = owner_of(person)
    uses = media.list_uses(owner_id, video_id)
    shown = next((use for use in uses if use.is_own and not use.is_incoming), None)
    return render_template(
        "admin/edit_captions.html",
        video=media.get_media(owner_id, video_id),
        language=language,
        language_name=name_of(language),
        form=form,
        conflict=conflict,
        shown=shown,
        may_change=person.role in (Role.INSTRUCTOR, Role.ADMIN),
        changed_elsewhere=CHANGED_ELSEWHERE,
    )


def _editor(video_id: UUID, language: str) -> str:
    return url_for("admin.edit_captions", video_id=video_id, language=language)
