"""JSON of the site's choices and of trying out its mail, storage and cards; for browsers only."""

from dataclasses import asdict

from flask import Response, jsonify, url_for

from app.domain.site import choices
from app.web.admin import blueprint, site_acts
from app.web.admin.site_schemas import SiteChange, SiteDocument, TrialDocument
from app.web.admin.users_schemas import Nothing
from app.web.json import read_body
from app.web.openapi import describe


@blueprint.get("/api/admin/site")
@describe({200: SiteDocument})
def get_site() -> Response:
    """Return the site's choices."""
    site_acts.require_owner()
    return _document()


@blueprint.patch("/api/admin/site")
@describe({200: SiteDocument}, body=SiteChange)
def change_site() -> Response:
    """Change the choices that are sent."""
    site_acts.require_acting_owner()
    body = read_body(SiteChange)
    changes = body.model_dump(include=body.model_fields_set - {"version"})
    site_acts.change(changes, body.version)
    return _document()


@blueprint.post("/api/admin/site/test-mail")
@describe({200: TrialDocument}, body=Nothing)
def try_mail() -> Response:
    """Send a test mail to yourself, at once."""
    site_acts.require_acting_owner()
    read_body(Nothing)
    return jsonify(asdict(site_acts.try_mail()))


@blueprint.post("/api/admin/site/test-storage")
@describe({200: TrialDocument}, body=Nothing)
def try_media_storage() -> Response:
    """Write, read and delete a file in the media storage."""
    site_acts.require_acting_owner()
    read_body(Nothing)
    return jsonify(asdict(site_acts.try_media_storage()))


@blueprint.post("/api/admin/site/test-stripe")
@describe({200: TrialDocument}, body=Nothing)
def try_stripe() -> Response:
    """Ask Stripe whose key this is; nothing is charged."""
    site_acts.require_acting_owner()
    read_body(Nothing)
    return jsonify(asdict(site_acts.try_stripe()))


def _document() -> Response:
    now = choices.read()
    return jsonify(
        version=now.version,
        name=now.name,
        accent_hue=now.accent_hue,
        logo=url_for("pages.logo", logo_id=now.logo_id) if now.logo_id else None,
        support_email=now.support_email,
        max_streams=now.max_streams,
        max_video_upload_bytes=now.max_video_upload_bytes,
        media_quota_bytes=now.media_quota_bytes,
        takes_cards=now.takes_cards,
        takes_transfers=now.takes_transfers,
        transfer_instructions=now.transfer_instructions,
        provisional_access_hours=now.provisional_access_hours,
        receipt_details=now.receipt_details,
        chosen={
            "name": now.chosen_name,
            "max_streams": now.chosen_max_streams,
            "max_video_upload_bytes": now.chosen_max_video_upload_bytes,
        },
    )
