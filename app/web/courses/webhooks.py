"""Where gateways tell what happened. The signature over the raw body is the only permission."""

import logging

from flask import Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from app.clock import utcnow
from app.current import integrations
from app.database import db
from app.domain.checkout import inbox
from app.errors import WebhookInvalid
from app.web.courses import blueprint
from app.web.openapi import describe

log = logging.getLogger("web")
CARD = "card"
MAX_BYTES = 256 * 1024


@blueprint.post("/api/webhooks/stripe")
@describe({204: None})
def stripe_webhook() -> Response:
    """Take an event that Stripe signed. 204 says that it is kept, and need not be sent again.

    The body is Stripe's event as it was signed; 400 keeps nothing of it.
    """
    gateway = integrations.gateways.get(CARD)
    if gateway is None:
        raise WebhookInvalid("No cards are taken here.")
    signature = request.headers.get("Stripe-Signature", "")
    try:
        event = gateway.read_event(_body(), signature, utcnow())
    except WebhookInvalid as error:
        # A secret that is wrong here looks just like this, and nobody but the operator can tell.
        log.warning("a webhook was refused: %s", error.detail)
        raise
    inbox.receive(event, CARD)
    db.session.commit()
    return Response(status=204)


def _body() -> bytes:
    request.max_content_length = MAX_BYTES
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise WebhookInvalid(f"A message has at most {MAX_BYTES} bytes.") from None
