"""The receipt of one's own order, as a file to keep."""

from uuid import UUID

from flask import Response
from flask_babel import get_locale
from limits import parse

from app.database import db
from app.domain.checkout import receipts
from app.errors import TooManyRequests
from app.web.access import require_signed_in
from app.web.courses import blueprint
from app.web.extensions import limiter
from app.web.stored import call_it

DRAWINGS = parse("20 per minute")


@blueprint.get("/orders/<uuid:order_id>/receipt.pdf")
def receipt(order_id: UUID) -> Response:
    """Send the receipt of an own order that was paid, in the reader's language."""
    person = require_signed_in()
    if not limiter.limiter.hit(DRAWINGS, "receipt", str(person.id)):
        raise TooManyRequests(60, "You asked for many receipts just now. Wait a minute.")
    facts = receipts.facts_of(receipts.find(person.user_id, order_id))
    db.session.commit()
    db.session.remove()  # drawing takes its time
    response = Response(
        receipts.draw(facts, str(get_locale()), person.timezone), mimetype="application/pdf"
    )
    call_it(response, f"receipt-{facts.number}.pdf")
    response.headers["Cache-Control"] = "private, no-store"
    return response
