"""One's own data: asking for it, fetching the file by the mailed link."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import BinaryIO

from flask import Response, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.current import integrations
from app.database import db
from app.domain.accounts import export as exports
from app.domain.accounts.models import DataExport, ExportStatus
from app.domain.accounts.users import get_user
from app.domain.audit.actions import Action
from app.errors import LinkInvalid, NotFound
from app.web import audit
from app.web.access import require_recent, require_signed_in
from app.web.auth import blueprint, limits
from app.web.auth.deletion import obstacle_of
from app.web.auth.schemas import ExportDocument, ExportsDocument
from app.web.openapi import describe

CHUNK_BYTES = 64 * 1024


@blueprint.get("/account/data")
def data() -> str:
    """Show one's exports and whether the account is being deleted."""
    user = get_user(require_signed_in().user_id)
    found = exports.list_exports(user.id)
    return render_template(
        "auth/data.html",
        user=user,
        exports=[(_status(export), export) for export in found],
        is_running=any(map(exports.is_running, found)),
        days=exports.KEPT_FOR.days,
        obstacle=obstacle_of(user),
    )


@blueprint.post("/account/data/exports")
@limits.limited_by(limits.REQUEST)
def request_export() -> ResponseReturnValue:
    """Have one's data prepared."""
    if _request()[1]:
        said = gettext("We are preparing your data. A mail with the link is on its way soon.")
        flash(said, "ok")
    else:
        flash(gettext("Your data is being prepared already."), "info")
    return redirect(url_for("auth.data"), 303)


@blueprint.get("/account/data/download")
def download_export() -> Response:
    """Send the file that a mailed link names, to the person it is about."""
    person = require_signed_in()
    export = exports.get_by_token(person.user_id, request.args.get("token", ""))
    if export.storage_key is None or export.size_bytes is None:
        raise LinkInvalid
    name = f"my-data-{export.requested_at:%Y-%m-%d}.zip"
    key, size = export.storage_key, export.size_bytes
    if request.method == "GET":
        audit.note(Action.EXPORT_FETCHED, export=str(export.id))
    db.session.commit()
    db.session.remove()  # the storage and the reader may take their time
    response = _streamed(key)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    response.content_length = size
    return response


@blueprint.get("/api/auth/exports")
@describe({200: ExportsDocument})
def list_exports() -> Response:
    """List one's own exports, the newest first."""
    found = exports.list_exports(require_signed_in().user_id)
    return jsonify(items=[_document(export) for export in found])


@blueprint.post("/api/auth/exports")
@describe({202: ExportDocument})
@limits.limited_by(limits.REQUEST)
def create_export() -> tuple[Response, int]:
    """Have one's data prepared; the link comes by mail."""
    export, _ = _request()
    return jsonify(_document(export)), 202


def _request() -> tuple[DataExport, bool]:
    """Ask for an export. Raises ConfirmationRequired and TooManyRequests."""
    person = require_signed_in()
    require_recent(person)
    export, is_new = exports.request(person.user_id)
    if is_new:
        audit.note(Action.EXPORT_REQUESTED, export=str(export.id))
    db.session.commit()
    return export, is_new


def _streamed(key: str) -> Response:
    """Return the stored file piece by piece. Raises LinkInvalid when it is gone."""
    stack = ExitStack()
    try:
        stored = stack.enter_context(integrations.storage.open(key))
    except NotFound:
        raise LinkInvalid from None
    response = Response(_pieces(stored), mimetype="application/zip")
    response.call_on_close(stack.close)
    return response


def _pieces(stored: BinaryIO) -> Iterator[bytes]:
    while piece := stored.read(CHUNK_BYTES):
        yield piece


def _status(export: DataExport) -> str:
    """Return what became of an export; one whose job was lost has failed."""
    if export.status is ExportStatus.QUEUED and not exports.is_running(export):
        return ExportStatus.FAILED.value
    return export.status.value


def _document(export: DataExport) -> dict[str, object]:
    return {
        "id": export.id,
        "status": _status(export),
        "size_bytes": export.size_bytes,
        "requested_at": export.requested_at,
        "ready_at": export.ready_at,
        "expires_at": export.expires_at,
    }
