"""Going through proofs: the queue, one proof beside its order, what was sent, the decision."""

from uuid import UUID

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from wtforms import TextAreaField
from wtforms.validators import InputRequired

from app.database import db
from app.domain.accounts.models import Role
from app.domain.checkout import proof_duplicates, proof_files, proof_queue
from app.domain.checkout.proof_files import LARGE, PDF, SMALL, WIDTHS
from app.domain.checkout.proof_queue import ProofRow
from app.domain.checkout.proofs import MAX_REASON_LENGTH, Result
from app.errors import CheckoutRefused, InvalidInput, NotFound
from app.integrations.images import VARIANT_TYPE
from app.web.access import signed_in
from app.web.admin import blueprint, proof_acts
from app.web.admin.forms import BlamedForm
from app.web.admin.proofs_api import file_url, read_proofs
from app.web.admin.proofs_schemas import ProofsQuery
from app.web.admin.queries import read_query
from app.web.stored import call_it, send_stored


class RejectForm(BlamedForm):
    reason = TextAreaField(
        lazy_gettext("Reason"),
        [InputRequired(lazy_gettext("Say why; the buyer reads it."))],
        render_kw={"rows": 3, "maxlength": MAX_REASON_LENGTH},
    )


@blueprint.app_template_global()
def pending_proof_count() -> int:
    """Return how many proofs wait, for who goes through them."""
    person = signed_in()
    is_reviewer = person is not None and person.role in (Role.SUPPORT, Role.ADMIN)
    return proof_queue.count_pending() if is_reviewer else 0


@blueprint.get("/admin/proofs")
def proofs() -> str:
    """List the proofs that wait, or those that are decided."""
    proof_acts.require_reviewer()
    query = read_query(ProofsQuery)
    page = read_proofs(query)
    return render_template(
        "admin/proofs.html", page=page, status=query.status, file_url=file_url, small=SMALL
    )


@blueprint.get("/admin/proofs/<uuid:proof_id>")
def proof(proof_id: UUID) -> str:
    """Show a proof beside its order, with what it resembles."""
    proof_acts.require_reviewer()
    return _page(proof_queue.get_proof(proof_id), RejectForm(formdata=None))


@blueprint.post("/admin/proofs/<uuid:proof_id>/approve")
def approve_proof(proof_id: UUID) -> ResponseReturnValue:
    """Take a proof for the money and go on to the next one."""
    row = _row(proof_id)
    try:
        result = proof_acts.approve(proof_id)
    except CheckoutRefused as refused:
        return _refused(proof_id, refused)
    said = gettext("Approved: the order %(number)s is paid.", number=row.order_number)
    return _next(row, result, said)


@blueprint.post("/admin/proofs/<uuid:proof_id>/reject")
def reject_proof(proof_id: UUID) -> ResponseReturnValue:
    """Do not take a proof and go on to the next one."""
    row, form = _row(proof_id), RejectForm()
    if not form.validate():
        return _page(row, form), 422
    try:
        result = proof_acts.reject(proof_id, form.reason.data)
    except InvalidInput as error:
        db.session.rollback()
        form.blame(error.fields)
        return _page(row, form), 422
    except CheckoutRefused as refused:
        return _refused(proof_id, refused)
    said = gettext("Rejected: %(name)s was told why.", name=row.user_name)
    return _next(row, result, said)


@blueprint.get("/admin/proofs/<uuid:proof_id>/<int:width>.webp")
def proof_picture(proof_id: UUID, width: int) -> Response:
    """Send the picture of a proof, drawn anew."""
    row = _row(proof_id)
    if width not in WIDTHS or row.content_type == PDF:
        raise NotFound
    return _sent(proof_files.picture_key(row.storage_key, width), VARIANT_TYPE)


@blueprint.get("/admin/proofs/<uuid:proof_id>/document.pdf")
def proof_document(proof_id: UUID) -> Response:
    """Send the PDF of a proof to read, or with `?keep=1` to keep."""
    row = _row(proof_id)
    if row.content_type != PDF:
        raise NotFound
    response = _sent(proof_files.document_key(row.storage_key), PDF)
    is_kept = request.args.get("keep") == "1"
    call_it(response, f"proof-{row.order_number}.pdf", is_attachment=is_kept)
    return response


def _row(proof_id: UUID) -> ProofRow:
    proof_acts.require_reviewer()
    return proof_queue.get_proof(proof_id)


def _sent(key: str, content_type: str) -> Response:
    db.session.commit()
    db.session.remove()  # the storage and the reader may take their time
    response = send_stored(key, content_type)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _page(row: ProofRow, form: RejectForm) -> str:
    person = proof_acts.require_reviewer()
    before, after = proof_queue.find_neighbours(row)
    return render_template(
        "admin/proof.html",
        row=row,
        form=form,
        duplicates=proof_duplicates.list_duplicates(proof_queue.get_plain(row.id)),
        before=before,
        after=after,
        is_pdf=row.content_type == PDF,
        is_own=person.id == row.user_id and person.role is not Role.ADMIN,
        picture_url=file_url(row, LARGE),
    )


def _next(row: ProofRow, result: Result, said: str) -> ResponseReturnValue:
    """Lead to the proof that waits the longest behind this one."""
    flash(said, "ok" if result.is_new else "info")
    _, after = proof_queue.find_neighbours(row)
    if after is None:
        return redirect(url_for("admin.proofs"), 303)
    return redirect(url_for("admin.proof", proof_id=after), 303)


def _refused(proof_id: UUID, refused: CheckoutRefused) -> ResponseReturnValue:
    db.session.rollback()
    flash(gettext(refused.detail), "warn")
    return redirect(url_for("admin.proof", proof_id=proof_id), 303)
