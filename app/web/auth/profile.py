"""One's own profile: what others see, and the language, time zone and speed one likes."""

from collections.abc import Mapping
from typing import Any

from flask import (
    Response,
    flash,
    g,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext, refresh
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired

from app.clock import utcnow
from app.current import settings
from app.database import db
from app.domain.accounts import profile as profiles
from app.domain.accounts import time_zones
from app.domain.accounts.models import User
from app.domain.accounts.names import MAX_NAME_LENGTH
from app.domain.accounts.users import get_user
from app.domain.audit.actions import Action
from app.errors import InvalidInput
from app.web import audit
from app.web.access import require_signed_in
from app.web.auth import blueprint, limits
from app.web.auth.forms import NAME_MISSING, AccountForm
from app.web.auth.schemas import Profile, ProfileDocument
from app.web.json import read_body
from app.web.openapi import describe

LANGUAGE_SECONDS = 31536000
LANGUAGE_NAMES = (("en", "English"), ("am", "አማርኛ"))
REGIONS = {
    "": lazy_gettext("World"),
    "Africa": lazy_gettext("Africa"),
    "America": lazy_gettext("America"),
    "Antarctica": lazy_gettext("Antarctica"),
    "Arctic": lazy_gettext("Arctic"),
    "Asia": lazy_gettext("Asia"),
    "Atlantic": lazy_gettext("Atlantic Ocean"),
    "Australia": lazy_gettext("Australia"),
    "Europe": lazy_gettext("Europe"),
    "Indian": lazy_gettext("Indian Ocean"),
    "Pacific": lazy_gettext("Pacific Ocean"),
}


class ProfileForm(AccountForm):
    """The choices are checked by the domain, which knows them."""

    name = StringField(
        lazy_gettext("Name"),
        [InputRequired(NAME_MISSING)],
        render_kw={"autocomplete": "name", "maxlength": MAX_NAME_LENGTH},
    )
    headline = StringField(
        lazy_gettext("Headline"), render_kw={"maxlength": profiles.MAX_HEADLINE_LENGTH}
    )
    bio = TextAreaField(
        lazy_gettext("About you"), render_kw={"rows": 6, "maxlength": profiles.MAX_BIO_LENGTH}
    )
    locale = SelectField(lazy_gettext("Language"), validate_choice=False)
    timezone = SelectField(lazy_gettext("Time zone"), validate_choice=False)
    playback_rate = SelectField(lazy_gettext("Playback speed"), validate_choice=False)


@blueprint.route("/account", methods=["GET", "POST"])
@limits.limited_by(limits.CHANGE)
def profile() -> ResponseReturnValue:
    """Show one's profile and change it."""
    user = get_user(require_signed_in().user_id)
    form = _form(user)
    if request.method == "GET":
        return render_template("auth/profile.html", form=form)
    if form.validate():
        fields = [field for field in form.data if field != "csrf_token"]
        try:
            _change(user, {field: form[field].data for field in fields})
        except InvalidInput as error:
            form.blame(error.fields)
        else:
            _look_up_anew()
            flash(gettext("Your profile is saved."), "ok")
            answer = make_response(redirect(url_for("auth.profile"), 303))
            return _remember_language(answer, user)
    return render_template("auth/profile.html", form=form), 422


@blueprint.get("/api/auth/profile")
@describe({200: ProfileDocument})
def get_profile() -> Response:
    """Return one's own profile."""
    return jsonify(_document(get_user(require_signed_in().user_id)))


@blueprint.patch("/api/auth/profile")
@describe({200: ProfileDocument}, body=Profile)
@limits.limited_by(limits.CHANGE)
def change_profile() -> Response:
    """Change the fields that are sent; null empties one."""
    body = read_body(Profile)
    user = get_user(require_signed_in().user_id)
    _change(user, body.model_dump(include=body.model_fields_set))
    return jsonify(_document(user))


def _change(user: User, changes: Mapping[str, Any]) -> None:
    changed = profiles.change(user, changes)
    if changed:
        audit.note(Action.PROFILE_CHANGED, fields=changed)
    db.session.commit()


def _document(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "headline": user.headline,
        "bio": user.bio,
        "locale": user.locale,
        "timezone": user.timezone,
        "playback_rate": float(user.playback_rate),
    }


def _form(user: User) -> ProfileForm:
    rates = [(str(rate), f"{rate.normalize():f}\u00d7") for rate in profiles.list_rates()]
    current = next((text for text, _ in rates if float(text) == float(user.playback_rate)), "1.00")
    form = ProfileForm(
        data={
            "name": user.name,
            "headline": user.headline,
            "bio": user.bio,
            "locale": user.locale or "",
            "timezone": user.timezone or "",
            "playback_rate": current,
        }
    )
    form.locale.choices = [("", gettext("As the browser asks")), *LANGUAGE_NAMES]
    form.timezone.choices = _zone_choices(user.timezone)
    form.playback_rate.choices = rates
    if not profiles.presents_itself(user.role):
        del form.headline, form.bio
    return form


def _zone_choices(chosen: str | None) -> dict[str, list[tuple[str, str]]]:
    """Return the zones by region; one chosen under an older name is among them."""
    today = utcnow().date()
    zones = list(time_zones.list_time_zones(today))
    if chosen and time_zones.is_known(chosen) and all(zone.name != chosen for zone in zones):
        zones.append(time_zones.get_time_zone(chosen, today))
    choices = {str(gettext("World")): [("", gettext("Not chosen: times in UTC"))]}
    for zone in zones:
        region = str(REGIONS.get(zone.region, zone.region))
        label = zone.city if zone.name == "UTC" else f"{zone.city} (UTC{zone.offset})"
        choices.setdefault(region, []).append((zone.name, label))
    return choices


def _look_up_anew() -> None:
    """Forget what this request knew of the person, so that it ends in their new language."""
    g.pop("signed_in", None)
    g.pop("_login_user", None)
    refresh()


def _remember_language(response: Response, user: User) -> Response:
    """Keep the choice in this browser too, for the pages one sees signed out."""
    if user.locale is None:
        response.delete_cookie("language", secure=settings.is_https, samesite="Lax", path="/")
    else:
        response.set_cookie(
            "language",
            user.locale,
            max_age=LANGUAGE_SECONDS,
            secure=settings.is_https,
            samesite="Lax",
            path="/",
        )
    return response
