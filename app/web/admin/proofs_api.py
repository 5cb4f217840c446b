"""JSON of the queue of proofs."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import Response, jsonify, url_for

from app.domain.checkout import proof_duplicates, proof_queue
from app.domain.checkout.proof_files import LARGE, PDF
from app.domain.checkout.proof_queue import ProofRow
from app.web.admin import blueprint, proof_acts
from app.web.admin.paging import Page, read_page
from app.web.admin.proofs_schemas import (
    ProofsQuery,
    Rejection,
    StaffProofDocument,
    StaffProofsDocument,
)
from app.web.admin.queries import read_query
from app.web.admin.users_schemas import Nothing
from app.web.json import read_body
from app.web.openapi import describe


@blueprint.get("/api/admin/proofs")
@describe({200: StaffProofsDocument}, query=ProofsQuery)
def list_proofs() -> Response:
    """List proofs: those that wait, the longest first, or decided ones, newest first."""
    proof_acts.require_reviewer()
    page = read_proofs(read_query(ProofsQuery))
    return jsonify(items=[_view(row) for row in page.items], next_cursor=page.next_cursor)


@blueprint.get("/api/admin/proofs/<uuid:proof_id>")
@describe({200: StaffProofDocument})
def get_proof(proof_id: UUID) -> Response:
    """Return a proof and the others that it resembles."""
    proof_acts.require_reviewer()
    return _document(proof_id)


@blueprint.post("/api/admin/proofs/<uuid:proof_id>/approve")
@describe({200: StaffProofDocument}, body=Nothing)
def approve_proof_by_program(proof_id: UUID) -> Response:
    """Take a proof for the money: the order is paid by it. Done twice, it is done once."""
    proof_acts.require_reviewer()
    read_body(Nothing)
    proof_acts.approve(proof_id)
    return _document(proof_id)


@blueprint.post("/api/admin/proofs/<uuid:proof_id>/reject")
@describe({200: StaffProofDocument}, body=Rejection)
def reject_proof_by_program(proof_id: UUID) -> Response:
    """Do not take a proof; the buyer is told why, and access given meanwhile ends."""
    proof_acts.require_reviewer()
    proof_acts.reject(proof_id, read_body(Rejection).reason)
    return _document(proof_id)


def read_proofs(query: ProofsQuery) -> Page[ProofRow]:
    """Return the page of proofs that the address asks for. Raises InvalidInput."""
    return read_page(lambda after, limit: proof_queue.list_proofs(query.status, after, limit))


def _document(proof_id: UUID) -> Response:
    row = proof_queue.get_proof(proof_id)
    others = proof_duplicates.list_duplicates(proof_queue.get_plain(proof_id))
    return jsonify(proof=_view(row), duplicates=[asdict(other) for other in others])


def _view(row: ProofRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "status": row.status,
        "reference": row.reference,
        "content_type": row.content_type,
        "size_bytes": row.size_bytes,
        "file_url": file_url(row),
        "is_known": row.is_known,
        "created_at": row.created_at,
        "reviewed_at": row.reviewed_at,
        "reviewed_by": row.reviewer_name,
        "reject_reason": row.reject_reason,
        "order": {
            "id": row.order_id,
            "number": row.order_number,
            "status": row.order_status,
            "total": {"amount_minor": row.total_minor, "currency": row.currency},
            "course": {"slug": row.course_slug, "title": row.course_title},
            "provisional_ends_at": row.provisional_ends_at,
        },
        "customer": {"id": row.user_id, "name": row.user_name, "email": row.user_email},
    }


def file_url(row: ProofRow, width: int = LARGE) -> str:
    """Return where staff sees what was sent."""
    if row.content_type == PDF:
        return url_for("admin.proof_document", proof_id=row.id)
    return url_for("admin.proof_picture", proof_id=row.id, width=width)
