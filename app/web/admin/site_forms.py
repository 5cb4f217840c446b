"""The form of the site's choices. Bounds are the domain's; sizes are shown in MB and GB."""

from typing import Any

from flask_babel import lazy_gettext
from flask_wtf.file import FileField
from wtforms import (
    BooleanField,
    EmailField,
    HiddenField,
    IntegerField,
    IntegerRangeField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Optional

from app.domain.site.choices import (
    MAX_INSTRUCTIONS_LENGTH,
    MAX_NAME_LENGTH,
    MAX_PROVISIONAL_HOURS,
    Choices,
)
from app.web.admin.forms import BlamedForm

MB = 1024**2
GB = 1024**3
DEFAULT_HUE = 208
# What the domain calls a field, where the form says it otherwise.
SHOWN_AS = {"max_video_upload_bytes": "max_video_upload_mb", "media_quota_bytes": "media_quota_gb"}


def _lines(text: str | None) -> str:
    """Return what was typed with the line ends it is kept with."""
    return (text or "").replace("\r\n", "\n")


class SiteForm(BlamedForm):
    """Empty fields leave a choice to the installation."""

    version = HiddenField()
    name = StringField(
        lazy_gettext("Name of the site"),
        render_kw={"maxlength": MAX_NAME_LENGTH, "autocomplete": "off"},
    )
    support_email = EmailField(
        lazy_gettext("Address for questions"), render_kw={"autocomplete": "off"}
    )
    has_accent = BooleanField(lazy_gettext("Use an accent of our own"))
    accent_hue = IntegerRangeField(
        lazy_gettext("Hue"), [Optional()], render_kw={"min": 0, "max": 359, "step": 1}
    )
    max_streams = IntegerField(
        lazy_gettext("Videos at the same time"), [Optional()], render_kw={"min": 1}
    )
    max_video_upload_mb = IntegerField(
        lazy_gettext("Largest video (MB)"), [Optional()], render_kw={"min": 1}
    )
    media_quota_gb = IntegerField(
        lazy_gettext("Room for media (GB)"), [Optional()], render_kw={"min": 1}
    )
    takes_cards = BooleanField(lazy_gettext("People may pay by card"))
    takes_transfers = BooleanField(lazy_gettext("People may pay by transfer to a bank or wallet"))
    transfer_instructions = TextAreaField(
        lazy_gettext("How to pay"),
        filters=[_lines],
        render_kw={"rows": 5, "maxlength": MAX_INSTRUCTIONS_LENGTH},
    )
    provisional_access_hours = IntegerField(
        lazy_gettext("Access before the review (hours)"),
        [Optional()],
        render_kw={"min": 0, "max": MAX_PROVISIONAL_HOURS},
    )
    receipt_details = TextAreaField(
        lazy_gettext("Who sells, as receipts say it"),
        filters=[_lines],
        render_kw={"rows": 4, "maxlength": MAX_INSTRUCTIONS_LENGTH},
    )

    def changes(self) -> dict[str, Any]:
        """Return what was filled in as the choices it stands for."""
        upload_mb, quota_gb = self.max_video_upload_mb.data, self.media_quota_gb.data
        hue = self.accent_hue.data
        return {
            "name": self.name.data or None,
            "support_email": self.support_email.data or None,
            "accent_hue": (DEFAULT_HUE if hue is None else hue) if self.has_accent.data else None,
            "max_streams": self.max_streams.data,
            "max_video_upload_bytes": None if upload_mb is None else upload_mb * MB,
            "media_quota_bytes": None if quota_gb is None else quota_gb * GB,
            "takes_cards": self.takes_cards.data,
            "takes_transfers": self.takes_transfers.data,
            "transfer_instructions": self.transfer_instructions.data or "",
            "provisional_access_hours": self.provisional_access_hours.data or 0,
            "receipt_details": self.receipt_details.data or "",
        }


class LogoForm(BlamedForm):
    """One picture."""

    logo = FileField(
        lazy_gettext("Picture"),
        [InputRequired(lazy_gettext("Choose a picture first."))],
        render_kw={"accept": "image/png,image/jpeg,image/webp"},
    )


def filled(now: Choices) -> dict[str, Any]:
    """Return the form's values for the choices as they are."""
    upload, quota = now.chosen_max_video_upload_bytes, now.media_quota_bytes
    return {
        "version": str(now.version),
        "name": now.chosen_name or "",
        "support_email": now.support_email or "",
        "has_accent": now.accent_hue is not None,
        "accent_hue": DEFAULT_HUE if now.accent_hue is None else now.accent_hue,
        "max_streams": now.chosen_max_streams,
        "max_video_upload_mb": None if upload is None else upload // MB,
        "media_quota_gb": None if quota is None else quota // GB,
        "takes_cards": now.takes_cards,
        "takes_transfers": now.takes_transfers,
        "transfer_instructions": now.transfer_instructions,
        "provisional_access_hours": now.provisional_access_hours,
        "receipt_details": now.receipt_details,
    }
