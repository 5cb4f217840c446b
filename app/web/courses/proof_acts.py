"""Sending a proof of a transfer: for the page and its JSON twin.

The file is looked at and stored while no transaction is open; then it becomes the proof.
"""

import uuid
from pathlib import Path
from typing import IO

from limits import parse

from app.current import settings
from app.database import db
from app.domain.accounts.sessions import SignedIn
from app.domain.audit.actions import Action
from app.domain.checkout import proof_files, proofs
from app.domain.checkout.models import Order
from app.domain.videos import scratch
from app.errors import DomainError, StorageFull, TooManyRequests
from app.web import audit
from app.web.extensions import limiter

SENDINGS = parse("10 per hour")


def send(person: SignedIn, order_id: uuid.UUID, sent: IO[bytes], reference: str) -> Order:
    """Take what `sent` holds as the proof of a person's own order; return the order.

    Raises NotFound, CheckoutRefused, InvalidInput, TooLarge, FileRefused, TooManyRequests,
    StorageFull, StorageUnavailable.
    """
    proofs.require_sendable(person.user_id, order_id)
    proofs.clean_reference(reference)
    if not limiter.limiter.hit(SENDINGS, "proof", str(person.user_id)):
        raise TooManyRequests(3600, "You sent many proofs within an hour. Wait a while.")
    db.session.commit()
    db.session.remove()  # drawing and storing take their time
    folder = settings.data_dir / proof_files.WORK_FOLDER
    with scratch.folder(folder, f"sent-{uuid.uuid4()}") as place:
        kept = proof_files.keep(order_id, _copied(sent, place / "proof"))
    try:
        result = proofs.send(person.user_id, order_id, kept, reference)
        if result.is_new:
            _note(result.proof.id, order_id)
        db.session.commit()
    except DomainError:  # anything else may have been committed: its file stays
        db.session.rollback()
        proof_files.discard(kept.folder)
        raise
    order = result.order
    if not result.is_new:
        proof_files.discard(kept.folder)
    return order


def _note(proof_id: uuid.UUID, order_id: uuid.UUID) -> None:
    audit.note(Action.PROOF_SENT, subject=order_id, subject_kind="order", proof=str(proof_id))


def _copied(sent: IO[bytes], target: Path) -> Path:
    """Return a file of what was sent, one byte more than may be at most. Raises StorageFull."""
    try:
        with target.open("wb") as file:
            left = settings.max_proof_upload_bytes + 1
            while left > 0 and (piece := sent.read(min(left, 1 << 20))):
                file.write(piece)
                left -= len(piece)
    except OSError as error:
        raise StorageFull from error
    return target
