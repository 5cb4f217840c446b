"""The page of one's API keys: make one, see it once, revoke it. Its JSON twin is `keys_api`."""

from uuid import UUID

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from wtforms import SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired
from wtforms.widgets import CheckboxInput, ListWidget

from app.database import db
from app.domain.accounts import api_keys as keys
from app.domain.accounts.api_keys import KeyView, Scope
from app.domain.accounts.sealing import Purpose, SealBroken, seal, unseal
from app.domain.accounts.sessions import SignedIn
from app.domain.audit.actions import Action
from app.errors import InvalidInput, NotFound
from app.web import audit
from app.web.access import is_recent, require_recent, require_signed_in
from app.web.auth import blueprint, limits
from app.web.auth.forms import AccountForm

FRESH_KEY = "fresh_key"
LIFETIMES = (
    SelectChoice("30", lazy_gettext("30 days")),
    SelectChoice("90", lazy_gettext("90 days")),
    SelectChoice("180", lazy_gettext("Half a year")),
    SelectChoice("365", lazy_gettext("One year")),
)
MEANINGS = {
    Scope.PROFILE_READ: lazy_gettext("See your name, e-mail address and settings"),
    Scope.PROFILE_WRITE: lazy_gettext("Change your name, language and other settings"),
    Scope.COURSES_READ: lazy_gettext("See the catalog, your courses and your progress"),
    Scope.COURSES_WRITE: lazy_gettext("Enrol you in free courses"),
    Scope.PLAYBACK: lazy_gettext("Play the lessons that are open to you, and keep your place"),
    Scope.ADMIN_READ: lazy_gettext("Read the administration, as far as your role lets you"),
    Scope.ADMIN_WRITE: lazy_gettext("Make and change courses, and upload their videos"),
}

# What to try a new key with, by the scope that opens it.
EXAMPLES = {
    Scope.PROFILE_READ: "/api/auth/me",
    Scope.COURSES_READ: "/api/courses/enrolled",
    Scope.PLAYBACK: "/api/playback/sessions",
    Scope.ADMIN_READ: "/api/admin/courses",
}


class KeyForm(AccountForm):
    """What a new key is for, and for how long; the domain judges it."""

    name = StringField(
        lazy_gettext("Name"),
        [InputRequired(lazy_gettext("Name the key, so that you know it again."))],
        render_kw={"autocomplete": "off", "maxlength": keys.MAX_NAME_LENGTH},
    )
    scopes = SelectMultipleField(
        lazy_gettext("What the key may do"),
        validate_choice=False,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    expires_in_days = SelectField(
        lazy_gettext("How long it works"), choices=list(LIFETIMES), default="90", coerce=str
    )


@blueprint.route("/account/api-keys", methods=["GET", "POST"])
@limits.limited_by(limits.CHANGE)
def api_keys() -> ResponseReturnValue:
    """List the keys, and make one after a proof of identity."""
    person = require_signed_in()
    form = KeyForm()
    form.scopes.choices = [SelectChoice(s.value, MEANINGS[s]) for s in keys.offered_scopes(person)]
    if request.method == "POST":
        require_recent(person)
        if form.validate():
            try:
                _make(person, form)
            except InvalidInput as error:
                db.session.rollback()
                form.blame(error.fields)
            else:
                return redirect(url_for("auth.api_keys"), 303)
        return _page(person, form), 422
    return _page(person, form)


@blueprint.post("/account/api-keys/<uuid:key_id>/revoke")
@limits.limited_by(limits.CHANGE)
def revoke_key(key_id: UUID) -> ResponseReturnValue:
    """Revoke one key; it opens nothing from its next request on."""
    person = require_signed_in()
    try:
        name = keys.revoke(person.user_id, key_id)
    except NotFound:  # pressed twice, or revoked in another tab
        flash(gettext("This key was revoked already."), "info")
    else:
        audit.note(Action.API_KEY_REVOKED, key=key_id, name=name)
        db.session.commit()
        flash(gettext("The key “%(name)s” is revoked.", name=name), "ok")
    return redirect(url_for("auth.api_keys"), 303)


def _make(person: SignedIn, form: KeyForm) -> None:
    view, token = keys.create(
        person, form.name.data, form.scopes.data or (), int(form.expires_in_days.data)
    )
    note_created(view)
    db.session.commit()
    # For the one page after this; the cookie holds it sealed, as it would lie around readable.
    session[FRESH_KEY] = seal(Purpose.API_KEY, person.user_id, token.encode()).hex()


def note_created(view: KeyView) -> None:
    """Write into the trail that a key was made."""
    audit.note(
        Action.API_KEY_CREATED,
        key=view.id,
        name=view.name,
        scopes=view.scopes,
        expires=view.expires_at,
    )


def _fresh_key(person: SignedIn) -> str | None:
    sealed = session.pop(FRESH_KEY, None)
    if sealed is None:
        return None
    try:
        return unseal(Purpose.API_KEY, person.user_id, bytes.fromhex(sealed)).decode()
    except SealBroken:  # somebody else signed in between
        return None


def _page(person: SignedIn, form: KeyForm) -> str:
    live = keys.list_live(person.user_id)
    newest = live[0].scopes if live else ()
    return render_template(
        "auth/api_keys.html",
        form=form,
        keys=live,
        example=next((path for scope, path in EXAMPLES.items() if scope in newest), None),
        fresh_key=_fresh_key(person),
        meanings=MEANINGS,
        is_confirmed=is_recent(person),
        most=keys.MAX_LIVE_KEYS,
    )
