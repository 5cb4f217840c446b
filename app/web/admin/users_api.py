"""JSON twins of the pages about people and of what staff does to their accounts."""

from dataclasses import asdict
from uuid import UUID

from flask import Response, jsonify

from app.domain.accounts import directory
from app.domain.accounts.directory import PersonRow
from app.web.admin import acts, blueprint
from app.web.admin.audit import event_view
from app.web.admin.folder import open_folder
from app.web.admin.paging import read_page
from app.web.admin.queries import PeopleQuery, read_wanted
from app.web.admin.users_schemas import (
    Done,
    Nothing,
    RoleChange,
    StaffUserDocument,
    StaffUsersDocument,
    Suspension,
)
from app.web.json import read_body
from app.web.openapi import describe


def _user_view(row: PersonRow) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "email": row.email,
        "role": row.role.value,
        "status": row.status.value,
        "created_at": row.created_at,
        "email_verified_at": row.email_verified_at,
        "second_factor_added_at": row.second_factor_added_at,
        "last_seen_at": row.last_seen_at,
    }


@blueprint.get("/api/admin/users")
@describe({200: StaffUsersDocument}, query=PeopleQuery)
def list_users() -> Response:
    """List people, newest first."""
    acts.require_supporter()
    wanted = read_wanted()
    page = read_page(lambda after, limit: directory.list_people(wanted, after, limit))
    return jsonify(items=[_user_view(row) for row in page.items], next_cursor=page.next_cursor)


@blueprint.get("/api/admin/users/<uuid:user_id>")
@describe({200: StaffUserDocument})
def get_user(user_id: UUID) -> Response:
    """Return one person with sign-ins, keys, second factors and recent events."""
    folder = open_folder(acts.require_supporter(), user_id)
    return jsonify(
        user=_user_view(folder.person),
        acts=[act.value for act in folder.acts],
        sessions=[asdict(session) for session in folder.sessions],
        api_keys=[asdict(key) for key in folder.api_keys],
        second_factor={
            "totp_confirmed_at": folder.factors.totp_confirmed_at,
            "passkey_count": len(folder.factors.passkeys),
            "recovery_codes_left": folder.factors.recovery_codes_left,
        },
        enrollment_count=folder.enrolled_count,
        recent_events=[event_view(event) for event in folder.events],
    )


@blueprint.post("/api/admin/users/<uuid:user_id>/suspend")
@describe({200: Done}, body=Suspension)
def suspend_user(user_id: UUID) -> Response:
    """Lock somebody out at once: browsers, API keys, links in mails."""
    body = read_body(Suspension)
    return _done(acts.suspend(user_id, body.reason), user_id)


@blueprint.post("/api/admin/users/<uuid:user_id>/reinstate")
@describe({200: Done}, body=Nothing)
def reinstate_user(user_id: UUID) -> Response:
    """Let a suspended person sign in again."""
    read_body(Nothing)
    return _done(acts.reinstate(user_id), user_id)


@blueprint.post("/api/admin/users/<uuid:user_id>/role")
@describe({200: Done}, body=RoleChange)
def change_user_role(user_id: UUID) -> Response:
    """Give somebody another role; every sign-in and key of the old one ends."""
    body = read_body(RoleChange)
    return _done(acts.change_role(user_id, body.role), user_id)


@blueprint.post("/api/admin/users/<uuid:user_id>/sign-out")
@describe({200: Done}, body=Nothing)
def end_user_sessions(user_id: UUID) -> Response:
    """Sign somebody out on every device and revoke their API keys."""
    read_body(Nothing)
    return _done(acts.end_sessions(user_id), user_id)


@blueprint.post("/api/admin/users/<uuid:user_id>/second-factor/reset")
@describe({200: Done}, body=Nothing)
def reset_user_second_factor(user_id: UUID) -> Response:
    """Remove somebody's second factors and recovery codes and sign them out."""
    read_body(Nothing)
    return _done(acts.reset_second_factor(user_id), user_id)


def _done(changed: bool, user_id: UUID) -> Response:
    return jsonify(changed=changed, user=_user_view(directory.get_person(user_id)))
