"""The page of the site's choices, its logo, and the buttons that try mail, storage and cards."""

from collections.abc import Callable

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.current import settings as installation
from app.database import db
from app.domain.site import choices, logos
from app.errors import DomainError, FileRefused, InvalidInput, StorageFull, VersionConflict
from app.web.admin import blueprint, site_acts
from app.web.admin.site_acts import TrialResult
from app.web.admin.site_forms import GB, MB, SHOWN_AS, LogoForm, SiteForm, filled

TRIALS: dict[str, Callable[[], TrialResult]] = {
    "mail": site_acts.try_mail,
    "storage": site_acts.try_media_storage,
    "stripe": site_acts.try_stripe,
}


@blueprint.route("/admin/settings", methods=["GET", "POST"])
def settings() -> ResponseReturnValue:
    """Show the site's choices and change them."""
    site_acts.require_acting_owner()
    if request.method == "GET":
        return _page(SiteForm(formdata=None, data=filled(choices.read())))
    form = SiteForm()
    if not form.validate():
        return _page(form), 422
    seen = form.version.data or ""
    try:
        changed = site_acts.change(form.changes(), int(seen) if seen.isdecimal() else None)
    except InvalidInput as error:
        db.session.rollback()
        form.blame({SHOWN_AS.get(name, name): fault for name, fault in error.fields.items()})
        return _page(form), 422
    except VersionConflict as error:
        db.session.rollback()
        form.version.process_data(str(error.extra["current"]["version"]))
        return _page(form, others=_others(form)), 409
    flash(gettext("Saved.") if changed else gettext("Nothing had to be changed."), "ok")
    return redirect(url_for("admin.settings"), 303)


@blueprint.post("/admin/settings/logo")
def take_logo() -> ResponseReturnValue:
    """Take a picture as the site's logo."""
    site_acts.require_acting_owner()
    form = LogoForm()
    if form.validate():
        try:
            site_acts.take_logo(form.logo.data.read(logos.MAX_BYTES + 1))
        except (FileRefused, StorageFull) as error:
            db.session.rollback()
            form.blame({"logo": error.detail})
        else:
            flash(gettext("The site has a new logo."), "ok")
            return redirect(url_for("admin.settings", _anchor="brand"), 303)
    page = _page(SiteForm(formdata=None, data=filled(choices.read())), logo_form=form)
    return page, 422


@blueprint.post("/admin/settings/logo/remove")
def drop_logo() -> ResponseReturnValue:
    """Go back to the built-in mark."""
    site_acts.drop_logo()
    flash(gettext("The logo is gone."), "ok")
    return redirect(url_for("admin.settings", _anchor="brand"), 303)


@blueprint.post("/admin/settings/test/<any('mail', 'storage', 'stripe'):what>")
def try_out(what: str) -> ResponseReturnValue:
    """Try the mail, the storage or Stripe out and say what came of it."""
    site_acts.require_acting_owner()
    try:
        result = TRIALS[what]()
    except DomainError as error:
        db.session.rollback()
        result = TrialResult(False, gettext(error.detail))
    flash(" ".join(filter(None, (result.said, result.remedy))), "ok" if result.works else "danger")
    # To the top of the page, where the answer stands: at the button it would be out of sight.
    return redirect(url_for("admin.settings"), 303)


def _others(form: SiteForm) -> list[str]:
    """Return the labels of the fields that somebody else left otherwise than they are here."""
    theirs = filled(choices.read())
    mine = form.data
    return [
        str(form[name].label.text)
        for name, value in theirs.items()
        if name != "version" and (value or None) != (mine[name] or None)
    ]


def _page(
    form: SiteForm, logo_form: LogoForm | None = None, others: list[str] | None = None
) -> str:
    return render_template(
        "admin/settings.html",
        form=form,
        logo_form=logo_form or LogoForm(formdata=None),
        others=others,
        now=choices.read(),
        installation=installation,
        largest_upload_mb=installation.max_video_upload_bytes // MB,
        megabyte=MB,
        gigabyte=GB,
    )
