"""The checkout: one page with the summary, a coupon, the ways to pay and the consent."""

from dataclasses import dataclass
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.clock import utcnow
from app.database import db
from app.domain.accounts.sessions import SignedIn
from app.domain.checkout import buying, methods
from app.domain.checkout.coupon_models import Coupon
from app.domain.checkout.methods import CARD, FREE
from app.domain.checkout.models import Order, OrderStatus
from app.domain.checkout.offers import find_coupon, offer_for
from app.domain.checkout.pricing import price
from app.domain.courses.models import Course
from app.errors import (
    AlreadyOwned,
    CheckoutRefused,
    CouponInvalid,
    DomainError,
    GatewayRefused,
    GatewayUnavailable,
    InvalidInput,
    SoldOut,
)
from app.web.access import require_signed_in
from app.web.courses import blueprint, checkout_acts, checkout_limits
from app.web.courses.checkout_acts import Wanted

MAX_SHOWN_CODE = 100


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with what was sent: the coupon, one of the fields, or the order as a whole."""

    coupon: str = ""
    way: str = ""
    consent: str = ""
    order: str = ""


@blueprint.get("/checkout/<slug>")
def checkout(slug: str) -> ResponseReturnValue:
    """Show what a course costs, with the coupon of `?coupon=` if it counts, and how to pay."""
    person = require_signed_in()
    try:
        course = buying.require_buyable(person.id, slug, person.role)
    except (AlreadyOwned, CheckoutRefused) as refused:
        return _to_the_course(slug, refused)
    code = request.args.get("coupon", "").strip()[:MAX_SHOWN_CODE]
    coupon, fault = _try_coupon(person, course, code) if code else (None, "")
    return _page(person, course, coupon, code, Faults(coupon=fault)), 422 if fault else 200


@blueprint.post("/checkout/<slug>")
def check_out(slug: str) -> ResponseReturnValue:
    """Order the course and go on to pay it; again for an order that is under way."""
    person = require_signed_in()
    code = request.form.get("coupon", "").strip()[:MAX_SHOWN_CODE]
    method, _, account = request.form.get("way", "").partition(":")
    wanted = Wanted(
        slug,
        method or FREE,
        code or None,
        _account_id(account),
        consented=bool(request.form.get("consent")),
    )
    try:
        placed = checkout_acts.check_out(person, wanted)
    except AlreadyOwned as owned:
        db.session.rollback()
        return _to_the_course(slug, owned)
    except (GatewayUnavailable, GatewayRefused) as trouble:
        return _after_trouble(person, slug, trouble)
    except (InvalidInput, CouponInvalid, CheckoutRefused, SoldOut) as refused:
        db.session.rollback()
        return _page_again(person, slug, code, refused)
    return go_on(placed.order)


def go_on(order: Order) -> ResponseReturnValue:
    """Lead to the page where a card is typed, else to the order's own.

    That page has a link to whatever other gateway: a form may lead to the one in the policy only.
    """
    is_payable = order.status is OrderStatus.OPEN and order.expires_at > utcnow()
    if order.method == CARD and order.redirect_url and is_payable:
        return redirect(order.redirect_url, 303)
    return redirect(url_for("courses.order", order_id=order.id), 303)


def _account_id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return UUID(int=0)


def _to_the_course(slug: str, reason: DomainError) -> ResponseReturnValue:
    """Lead to the course, which says what can be done about it, when nothing is to be paid."""
    flash(gettext(reason.detail), "info")
    return redirect(url_for("courses.show", slug=slug), 303)


def _after_trouble(person: SignedIn, slug: str, trouble: DomainError) -> ResponseReturnValue:
    """Lead to the order that is kept for a further try, if there is one."""
    db.session.rollback()
    flash(gettext(trouble.detail), "danger")
    course = buying.find_course(person.id, slug, person.role)
    order = offer_for(person.id, course).live_order
    if order is None:
        return redirect(url_for("courses.checkout", slug=slug), 303)
    return redirect(url_for("courses.order", order_id=order.id), 303)


def _page_again(
    person: SignedIn, slug: str, code: str, refused: DomainError
) -> ResponseReturnValue:
    """Show the page with what was wrong; nothing was ordered."""
    try:
        course = buying.require_buyable(person.id, slug, person.role)
    except (AlreadyOwned, CheckoutRefused) as reason:
        return _to_the_course(slug, reason)
    if isinstance(refused, CouponInvalid):
        return _page(person, course, None, code, Faults(coupon=gettext(refused.detail))), 422
    coupon, _ = _find_coupon(person, course, code) if code else (None, "")
    if isinstance(refused, InvalidInput):
        way = next((text for name, text in refused.fields.items() if name != "consent"), "")
        faults = Faults(way=gettext(way) if way else "", consent=refused.fields.get("consent", ""))
        return _page(person, course, coupon, code, faults), 422
    return _page(person, course, coupon, code, Faults(order=gettext(refused.detail))), 409


def _try_coupon(person: SignedIn, course: Course, code: str) -> tuple[Coupon | None, str]:
    """Look a code up; only wrong guesses count. Raises TooManyRequests."""
    checkout_limits.count_coupon_try(person.id)
    coupon, fault = _find_coupon(person, course, code)
    if coupon is not None:
        checkout_limits.give_back_coupon_try(person.id)
    return coupon, fault


def _find_coupon(person: SignedIn, course: Course, code: str) -> tuple[Coupon | None, str]:
    try:
        return find_coupon(person.id, course, code), ""
    except CouponInvalid as invalid:
        return None, gettext(invalid.detail)


def _page(
    person: SignedIn, course: Course, coupon: Coupon | None, code: str, faults: Faults
) -> str:
    cost = price(course, coupon)
    return render_template(
        "courses/checkout.html",
        course=course,
        cost=cost,
        coupon=coupon,
        code=code,
        ways=methods.list_ways(cost),
        offer=offer_for(person.id, course),
        faults=faults,
        chosen=request.form.get("way", ""),
    )
