"""The audit trail: a page that searches it, its JSON twin, and a file of what was found."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from uuid import UUID

from flask import Response, jsonify, render_template, stream_with_context
from flask.typing import ResponseReturnValue

from app.clock import utcnow
from app.database import db
from app.domain.accounts import directory
from app.domain.accounts.directory import PersonName
from app.domain.accounts.models import Role
from app.domain.audit import search
from app.domain.audit.actions import Action
from app.domain.audit.search import Criteria, EventRow
from app.errors import InvalidInput
from app.web import audit as trail
from app.web.access import require_recent, require_role
from app.web.admin import blueprint
from app.web.admin.audit_schemas import AuditDocument
from app.web.admin.paging import NumberedPage, read_numbered_page
from app.web.admin.queries import AuditQuery, given, read_criteria
from app.web.admin.spreadsheets import line
from app.web.json import rfc3339
from app.web.openapi import describe

EXPORT_BATCH = 500
COLUMNS = (
    "id", "occurred_at", "action", "actor_kind", "actor_id", "actor_email", "subject_kind",
    "subject_id", "subject_email", "ip_address", "user_agent", "request_id", "detail", "hash",
)  # fmt: skip


@blueprint.get("/admin/audit")
def audit() -> ResponseReturnValue:
    """Show events, newest first, narrowed by what is asked for."""
    require_role(Role.ADMIN)
    faults: dict[str, str] = {}
    page: NumberedPage[EventRow] = NumberedPage([], None)
    try:
        criteria = read_criteria()
        page = read_numbered_page(lambda before, n: search.list_events(criteria, before, n))
    except InvalidInput as error:
        faults = error.fields
    shown = render_template(
        "admin/audit.html",
        page=page,
        names=directory.names_of(search.people_in(page.items)),
        asked=given(AuditQuery),
        faults=faults,
        actions=[(action.value, action.value) for action in Action],
    )
    return shown, 422 if faults else 200


@blueprint.get("/api/admin/audit")
@describe({200: AuditDocument}, query=AuditQuery)
def list_audit() -> Response:
    """List events, newest first."""
    require_role(Role.ADMIN)
    criteria = read_criteria()
    page = read_numbered_page(lambda before, limit: search.list_events(criteria, before, limit))
    return jsonify(items=[event_view(row) for row in page.items], next_cursor=page.next_cursor)


@blueprint.get("/admin/audit/export")
def export_audit() -> Response:
    """Send what was found as a file for spreadsheets, in pieces; that it was taken is noted."""
    require_recent(require_role(Role.ADMIN))
    criteria = read_criteria()
    asked = {name: value for name, value in asdict(criteria).items() if value is not None}
    trail.note(Action.AUDIT_EXPORTED, subject_kind="audit", criteria=asked)
    db.session.commit()
    name = f"audit-{utcnow():%Y-%m-%d-%H%M}.csv"
    response = Response(stream_with_context(_lines(criteria)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def event_view(row: EventRow) -> dict[str, object]:
    """Return an event as JSON."""
    return {
        "id": row.id,
        "occurred_at": row.occurred_at,
        "action": row.action,
        "actor": {"kind": row.actor_kind, "id": row.actor_id},
        "subject": {"kind": row.subject_kind, "id": row.subject_id},
        "ip_address": row.ip_address,
        "user_agent": row.user_agent,
        "request_id": row.request_id,
        "detail": row.detail,
        "hash": row.hash.hex(),
    }


def _lines(criteria: Criteria) -> Iterator[str]:
    """Yield the file a batch at a time; no connection is held while a slow reader takes it."""
    yield line(COLUMNS)
    before: int | None = None
    while rows := search.list_events(criteria, before, EXPORT_BATCH):
        names = directory.names_of(search.people_in(rows))
        db.session.rollback()
        yield "".join(line(_cells(row, names)) for row in rows)
        before = rows[-1].id


def _cells(row: EventRow, names: dict[UUID, PersonName]) -> tuple[object, ...]:
    def email(user_id: UUID | None) -> str | None:
        return names[user_id].email if user_id in names else None

    return (
        row.id, rfc3339(row.occurred_at), row.action, row.actor_kind, row.actor_id,
        email(row.actor_id), row.subject_kind, row.subject_id, email(row.subject_id),
        row.ip_address, row.user_agent, row.request_id,
        json.dumps(row.detail, ensure_ascii=False, sort_keys=True), row.hash.hex(),
    )  # fmt: skip
