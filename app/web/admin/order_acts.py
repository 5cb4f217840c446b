"""What administrators do to orders: giving money back, letting a held one pass.

Each asks for a recent proof of who is acting and is noted in the trail. Doing it a second time
changes nothing.
"""

import logging
from uuid import UUID

from app.current import integrations
from app.database import db
from app.domain.accounts.models import Role
from app.domain.accounts.sessions import SignedIn
from app.domain.audit.actions import Action
from app.domain.checkout import fulfilment, refunds
from app.domain.checkout.models import OrderStatus
from app.domain.checkout.refunds import Wish
from app.errors import GatewayRefused, GatewayUnavailable
from app.web import audit
from app.web.access import require_recent, require_role

log = logging.getLogger("web.refunds")
KIND = "order"


def require_cashier() -> SignedIn:
    """Return who may move money now. Raises SignInRequired, Forbidden, ConfirmationRequired."""
    person = require_role(Role.ADMIN)
    require_recent(person)
    return person


def refund(wish: Wish) -> UUID:
    """Ask for a refund, and have its gateway make it; return its id.

    A gateway that does not answer leaves it asked for, and a job goes on. Raises as
    `refunds.request` does.
    """
    person = require_cashier()
    made, is_new = refunds.request_once(person, wish)
    refund_id = made.id
    if is_new:
        audit.note(
            Action.REFUND_REQUESTED,
            subject=wish.order_id,
            subject_kind=KIND,
            refund=refund_id,
            amount_minor=made.amount_minor,
            currency=made.currency,
            ends_access=made.ends_access,
        )
    ask = refunds.ask_of(refund_id)
    db.session.commit()
    if ask is not None:
        _carry_out(ask)
    return refund_id


def release(order_id: UUID) -> bool:
    """Let a held order pass, so that it opens its course; False when it was let pass before.

    Raises NotFound, CheckoutRefused.
    """
    person = require_cashier()
    order = fulfilment.lock(order_id)
    if order.held_released_at is not None and order.status is not OrderStatus.HELD:
        db.session.rollback()
        return False
    reason = order.hold_reason
    fulfilment.release_hold(order, person.id)
    audit.note(Action.ORDER_RELEASED, subject=order_id, subject_kind=KIND, reason=reason)
    db.session.commit()
    return True


def _carry_out(ask: refunds.Ask) -> None:
    """Ask the gateway, with no transaction open, and keep what it made of it."""
    gateway = integrations.gateways.get(ask.method)
    db.session.remove()
    if gateway is None:
        log.warning("a refund waits for its gateway to be set up (refund %s)", ask.refund_id)
        return
    try:
        made = gateway.refund(ask.payment_id, ask.amount_minor, ask.refund_id)
    except GatewayUnavailable as error:
        log.warning("a refund is left to its job: %s (refund %s)", error.code, ask.refund_id)
        return
    except GatewayRefused as error:
        refunds.fail(ask.refund_id, error.detail)
    else:
        refunds.finish(ask.refund_id, made)
    db.session.commit()
