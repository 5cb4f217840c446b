"""Threat 3: whatever a client says of prices and quantities, our own rows decide what it costs."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout.models import Order
from app.domain.courses.models import Course
from app.web.extensions import limiter
from tests import factories
from tests.support.client import CheckedClient
from tests.support.stripe_stand_in import StripeStandIn

ClientOf = Callable[[User], CheckedClient]
PRICE = 4900
NAMES = st.sampled_from(
    [
        "price", "amount", "amount_minor", "total", "total_minor", "list_price", "discount",
        "discount_minor", "currency", "quantity", "qty", "unit_amount", "user_id", "order_id",
        "status", "paid_at", "expires_at", "list_price_minor", "method_id", "redirect_url",
    ]
)  # fmt: skip
VALUES = st.one_of(
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=8),
    st.sampled_from([None, True, "", "0", "-1", "NaN", "1e-9", "0.01", [0], {"amount_minor": 0}]),
)
# NaN and Infinity as programs write them, though they are no JSON.
BODIES = st.dictionaries(NAMES, VALUES, min_size=1, max_size=4)
EXAMPLES = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def priced(course: Course, card_gateway: object) -> Course:
    """The course, for 49.00, where cards are taken."""
    course.price_minor = PRICE
    db.session.commit()
    return course


@EXAMPLES
@given(extra=BODIES)
def test_no_further_member_of_a_checkout_is_taken(
    priced: Course, learner: User, client_of: ClientOf, extra: dict[str, Any]
) -> None:
    limiter.reset()
    body = json.dumps({"method": "card", **extra})
    answer = client_of(learner).post(
        f"/api/checkout/{priced.slug}", data=body, content_type="application/json"
    )
    assert answer.status_code in (400, 422)
    assert db.session.query(Order).count() == 0


@EXAMPLES
@given(method=VALUES, coupon=VALUES, account=VALUES)
def test_a_checkout_with_odd_values_never_costs_anything_else(
    priced: Course, client_of: ClientOf, method: Any, coupon: Any, account: Any
) -> None:
    limiter.reset()
    body = json.dumps({"method": method, "coupon": coupon, "transfer_method_id": account})
    answer = client_of(factories.make_user()).post(
        f"/api/checkout/{priced.slug}", data=body, content_type="application/json"
    )
    assert answer.status_code in (201, 400, 409, 422)
    for order in db.session.query(Order):
        assert (order.list_price_minor, order.discount_minor) == (PRICE, 0)
        assert (order.total_minor, order.currency) == (PRICE, priced.currency)


@EXAMPLES
@given(fields=st.dictionaries(NAMES, st.text(max_size=8), min_size=1, max_size=5))
def test_further_fields_of_the_form_and_of_the_address_change_nothing(
    priced: Course, client_of: ClientOf, fields: dict[str, str]
) -> None:
    limiter.reset()
    client = client_of(factories.make_user())
    page = f"/checkout/{priced.slug}"
    client.post_form(page, {**fields, "way": "card", "consent": "yes"})
    order = db.session.query(Order).order_by(Order.created_at.desc()).first()
    assert order is not None
    assert (order.total_minor, order.currency) == (PRICE, priced.currency)
    shown = client.get(page, query_string=fields).text
    assert "$49.00" in shown


def test_the_gateway_is_told_our_price(
    app: Flask, priced: Course, learner: User, client_of: ClientOf, stripe_stand_in: StripeStandIn
) -> None:
    answer = client_of(learner).post(f"/api/checkout/{priced.slug}", json={"method": "card"})
    assert answer.status_code == 201
    (session,) = stripe_stand_in.everything()["sessions"]
    assert (session["amount_total"], session["currency"]) == (PRICE, "usd")
    assert session["client_reference_id"] == answer.json["order"]["id"]
