"""The devices one is signed in on, and signing them out."""

from typing import Any
from uuid import UUID

from flask import Response, flash, jsonify, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from app.database import db
from app.domain.accounts import sessions as login_sessions
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import SessionKind
from app.domain.accounts.sessions import SignedIn
from app.domain.audit.actions import Action
from app.domain.playback import devices
from app.web import audit
from app.web.access import clear_session_cookie, require_signed_in
from app.web.auth import blueprint, limits
from app.web.auth.identity_schemas import SessionsDocument
from app.web.openapi import describe


@blueprint.get("/account/sessions")
def sessions() -> str:
    """Show where one is signed in."""
    return render_template("auth/sessions.html", devices=_list(require_signed_in()))


@blueprint.post("/account/sessions/<uuid:session_id>/end")
@limits.limited_by(limits.CHANGE)
def end_session(session_id: UUID) -> ResponseReturnValue:
    """Sign one device out."""
    person = require_signed_in()
    _end(person, session_id)
    if session_id == person.session_id:
        return _gone(gettext("You are signed out."))
    flash(gettext("That device is signed out."), "ok")
    return redirect(url_for("auth.sessions"), 303)


@blueprint.post("/account/sessions/end-others")
@limits.limited_by(limits.CHANGE)
def end_other_sessions() -> ResponseReturnValue:
    """Sign every other device out."""
    ended = _end_others(require_signed_in())
    text = ngettext("%(num)d device is signed out.", "%(num)d devices are signed out.", ended)
    flash(text if ended else gettext("No other device was signed in."), "ok")
    return redirect(url_for("auth.sessions"), 303)


@blueprint.post("/account/sessions/end-all")
@limits.limited_by(limits.CHANGE)
def end_all_sessions() -> ResponseReturnValue:
    """Sign every device out, this one as well."""
    person = require_signed_in()
    ended = login_sessions.end_all(person.user_id, kind=SessionKind.BROWSER)
    audit.note(Action.SESSIONS_ENDED, count=ended)
    db.session.commit()
    return _gone(gettext("You are signed out on every device."))


@blueprint.get("/api/auth/sessions")
@describe({200: SessionsDocument})
def list_sessions() -> Response:
    """List the devices one is signed in on."""
    return jsonify(items=_list(require_signed_in()))


@blueprint.delete("/api/auth/sessions")
@describe({204: None})
@limits.limited_by(limits.CHANGE)
def delete_sessions() -> Response:
    """End every other sign-in; logging out ends this one."""
    _end_others(require_signed_in())
    return Response(status=204)


@blueprint.delete("/api/auth/sessions/<uuid:session_id>")
@describe({204: None})
@limits.limited_by(limits.CHANGE)
def delete_session(session_id: UUID) -> Response:
    """End one sign-in, which may be this one."""
    _end(require_signed_in(), session_id)
    return Response(status=204)


def _list(person: SignedIn) -> list[dict[str, Any]]:
    """Return this device, then the others, the most recently used first."""
    listed = [
        {
            "id": one.id,
            "device": devices.name_of(one.user_agent or ""),
            "network": ClientInfo.of(one.ip_address, None).network,
            "created_at": one.created_at,
            "last_seen_at": one.last_seen_at,
            "is_this_sign_in": one.id == person.session_id,
        }
        for one in login_sessions.list_live(person.user_id)
    ]
    return sorted(listed, key=lambda one: not one["is_this_sign_in"])


def _end(person: SignedIn, session_id: UUID) -> None:
    login_sessions.end_own(person.user_id, session_id)
    audit.note(Action.SIGNED_OUT, session=str(session_id))
    db.session.commit()


def _end_others(person: SignedIn) -> int:
    ended = login_sessions.end_all(person.user_id, person.session_id, SessionKind.BROWSER)
    audit.note(Action.SESSIONS_ENDED, count=ended)
    db.session.commit()
    return ended


def _gone(text: str) -> ResponseReturnValue:
    flash(text, "ok")
    response = make_response(redirect(url_for("auth.sign_in"), 303))
    clear_session_cookie(response)
    return response
