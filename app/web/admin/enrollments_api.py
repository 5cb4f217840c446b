"""JSON of people in courses: enrolling, removing, deciding about requests, inviting."""

from typing import Any
from uuid import UUID

from flask import Response, jsonify

from app.domain.courses import applicants, roster
from app.domain.courses.applicants import InvitationRow, RequestRow
from app.domain.courses.roster import EnrollmentRow, Narrowing
from app.web.admin import admission_acts, blueprint, owner_scope
from app.web.admin.admission_schemas import (
    AdmissionQuery,
    Decided,
    InvitedDocument,
    NewEnrollment,
    NewInvitations,
    RequestsQuery,
    StaffEnrollmentDocument,
    StaffEnrollmentsDocument,
    StaffInvitationsDocument,
    StaffRequestsDocument,
)
from app.web.admin.paging import read_page
from app.web.admin.queries import read_query
from app.web.admin.users_schemas import Nothing
from app.web.json import read_body
from app.web.openapi import describe


def _course(row: EnrollmentRow | RequestRow | InvitationRow) -> dict[str, Any]:
    return {"id": row.course_id, "slug": row.course_slug, "title": row.course_title}


def _person(row: EnrollmentRow | RequestRow) -> dict[str, Any]:
    return {"id": row.user_id, "name": row.name, "email": row.email}


def _enrollment_view(row: EnrollmentRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "user": _person(row),
        "course": _course(row),
        "source": row.source.value,
        "progress_percent": row.progress_percent,
        "created_at": row.created_at,
        "last_watched_at": row.last_watched_at,
        "completed_at": row.completed_at,
    }


def _request_view(row: RequestRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "user": _person(row),
        "course": _course(row),
        "status": row.status.value,
        "note": row.note,
        "created_at": row.created_at,
        "decided_at": row.decided_at,
    }


def _invitation_view(row: InvitationRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "email": row.email,
        "course": _course(row),
        "created_at": row.created_at,
        "accepted_at": row.accepted_at,
    }


def narrowing_of(query: AdmissionQuery) -> Narrowing:
    """Return what narrows the list; what no text of PostgreSQL can hold is in none of them."""
    return Narrowing(query.course_id, query.user_id, query.q.replace("\0", "\ufffd"))


@blueprint.get("/api/admin/enrollments")
@describe({200: StaffEnrollmentsDocument}, query=AdmissionQuery)
def list_enrollments() -> Response:
    """List who is in which course, newest first."""
    owner_id, wanted = owner_scope(), narrowing_of(read_query(AdmissionQuery))
    page = read_page(lambda after, limit: roster.list_enrollments(owner_id, wanted, after, limit))
    return jsonify(
        items=[_enrollment_view(row) for row in page.items], next_cursor=page.next_cursor
    )


@blueprint.post("/api/admin/enrollments")
@describe({200: StaffEnrollmentDocument, 201: StaffEnrollmentDocument}, body=NewEnrollment)
def create_enrollment() -> tuple[Response, int]:
    """Let somebody into a course, whatever it costs: 201 when new, 200 when they are in."""
    body = read_body(NewEnrollment)
    enrollment_id, is_new = admission_acts.enrol(body.course_id, body.user_id, body.email)
    row = roster.get_enrollment(owner_scope(), enrollment_id)
    return jsonify(enrollment=_enrollment_view(row)), 201 if is_new else 200


@blueprint.delete("/api/admin/enrollments/<uuid:enrollment_id>")
@describe({204: None})
def delete_enrollment(enrollment_id: UUID) -> tuple[str, int]:
    """Take somebody out of a course: what plays ends, progress is kept."""
    admission_acts.remove([enrollment_id])
    return "", 204


@blueprint.get("/api/admin/enrollment-requests")
@describe({200: StaffRequestsDocument}, query=RequestsQuery)
def list_enrollment_requests() -> Response:
    """List who asks to be let into which course, newest first; those that wait by default."""
    owner_id, query = owner_scope(), read_query(RequestsQuery)
    wanted = narrowing_of(query)
    page = read_page(
        lambda after, limit: applicants.list_requests(owner_id, wanted, query.status, after, limit)
    )
    return jsonify(items=[_request_view(row) for row in page.items], next_cursor=page.next_cursor)


@blueprint.post("/api/admin/enrollment-requests/<uuid:request_id>/approve")
@describe({200: Decided}, body=Nothing)
def approve_enrollment_request(request_id: UUID) -> Response:
    """Let somebody in who asked, and tell them."""
    read_body(Nothing)
    return jsonify(changed=bool(admission_acts.decide([request_id], approves=True)))


@blueprint.post("/api/admin/enrollment-requests/<uuid:request_id>/decline")
@describe({200: Decided}, body=Nothing)
def decline_enrollment_request(request_id: UUID) -> Response:
    """Turn somebody down who asked, and tell them."""
    read_body(Nothing)
    return jsonify(changed=bool(admission_acts.decide([request_id], approves=False)))


@blueprint.get("/api/admin/invitations")
@describe({200: StaffInvitationsDocument}, query=AdmissionQuery)
def list_invitations() -> Response:
    """List which addresses were invited into which course, newest first."""
    owner_id, wanted = owner_scope(), narrowing_of(read_query(AdmissionQuery))
    page = read_page(
        lambda after, limit: applicants.list_invitations(owner_id, wanted, after, limit)
    )
    return jsonify(
        items=[_invitation_view(row) for row in page.items], next_cursor=page.next_cursor
    )


@blueprint.post("/api/admin/invitations")
@describe({201: InvitedDocument}, body=NewInvitations)
def create_invitations() -> tuple[Response, int]:
    """Invite addresses into a course and write to those that are new."""
    body = read_body(NewInvitations)
    invited = admission_acts.invite(body.course_id, body.emails)
    answer = jsonify(
        invited=[row.email for row in invited.invitations],
        already_invited=list(invited.known),
        already_enrolled=list(invited.enrolled),
    )
    return answer, 201


@blueprint.delete("/api/admin/invitations/<uuid:invitation_id>")
@describe({204: None})
def delete_invitation(invitation_id: UUID) -> tuple[str, int]:
    """Take an invitation back; who has used it stays in the course."""
    admission_acts.withdraw(invitation_id)
    return "", 204
