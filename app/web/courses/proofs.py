"""Sending the proof of a transfer from the page of an order, and by program."""

import base64
import binascii
import io
from typing import IO, Annotated
from uuid import UUID

from flask import Response, flash, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from pydantic import BaseModel, StringConstraints
from werkzeug.datastructures import FileStorage

from app.current import settings
from app.domain.checkout import orders, proofs
from app.domain.checkout.order_views import view_of
from app.domain.checkout.proofs import MAX_REFERENCE_LENGTH
from app.errors import CheckoutRefused, FileRefused, InvalidInput, TooLarge
from app.web.access import require_signed_in
from app.web.courses import blueprint, proof_acts
from app.web.cross_site import FORM
from app.web.json import Body, read_body
from app.web.openapi import describe
from app.web.order_json import OrderDocument, order_json


class ProofUpload(Body):
    """A photo (JPEG, PNG, WebP) or a PDF as base64; its kind is told from its bytes.

    Or send multipart/form-data with `file` and `reference`.
    """

    filename: Annotated[str, StringConstraints(max_length=255)]
    content_type: Annotated[str, StringConstraints(max_length=100)]
    data_base64: str
    reference: Annotated[str, StringConstraints(max_length=MAX_REFERENCE_LENGTH)] = ""


class ProvenOrderDocument(BaseModel):
    """The order that the proof is for."""

    order: OrderDocument


@blueprint.app_template_global()
def proof_limit_bytes() -> int:
    """Return how large a proof may be."""
    return settings.max_proof_upload_bytes


@blueprint.post("/orders/<uuid:order_id>/proof")
def send_proof(order_id: UUID) -> ResponseReturnValue:
    """Take a photo or PDF as the proof of an own order: the way without JavaScript."""
    person = require_signed_in()
    try:
        proofs.require_sendable(person.user_id, order_id)
        proof_acts.send(person, order_id, _chosen().stream, request.form.get("reference", ""))
    except InvalidInput as error:
        flash(" ".join(gettext(fault) for fault in error.fields.values()), "danger")
    except TooLarge as error:
        flash(f"{gettext(error.detail)} {gettext(error.extra['remedy'])}", "danger")
    except (FileRefused, CheckoutRefused) as error:
        flash(gettext(error.detail), "danger")
    else:
        flash(gettext("Your proof has arrived. We look at it."), "ok")
        return redirect(url_for("courses.order", order_id=order_id), 303)
    return redirect(url_for("courses.order", order_id=order_id, _anchor="proof"), 303)


@blueprint.post("/api/orders/<uuid:order_id>/proof")
@describe({201: ProvenOrderDocument}, body=ProofUpload)
def send_proof_by_program(order_id: UUID) -> tuple[Response, int]:
    """Send the proof of one's own transfer, as JSON or as multipart/form-data.

    The same file sent again while it waits is the same proof. 409 CHECKOUT_REFUSED when the order
    takes none, 413 TOO_LARGE, 422 FILE_REFUSED saying what to do.
    """
    person = require_signed_in()
    sent: IO[bytes]
    if request.mimetype == FORM:
        sent, reference = _chosen().stream, request.form.get("reference", "")
    else:
        body = read_body(ProofUpload)
        sent, reference = _decoded(body.data_base64), body.reference
    proof_acts.send(person, order_id, sent, reference)
    return jsonify(order=order_json(view_of(orders.order_for(person.id, order_id)))), 201


def _chosen() -> FileStorage:
    """Return the file of the form. Raises InvalidInput."""
    file = request.files.get("file")
    if file is None or not file.filename:
        raise InvalidInput({"file": "Choose a photo or a PDF first."})
    return file


def _decoded(text: str) -> io.BytesIO:
    try:
        return io.BytesIO(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise InvalidInput({"data_base64": "Send the file's bytes as base64."}) from None
