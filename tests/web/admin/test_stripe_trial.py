"""The button that asks Stripe who we are."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from app.domain.accounts.models import User
from app.integrations.stripe_gateway import StripeGateway
from tests.support.client import CheckedClient
from tests.support.stripe_stand_in import StripeStandIn

ADDRESS = "/api/admin/site/test-stripe"


@pytest.fixture
def owner(client_of: Callable[[User], CheckedClient], admin: User) -> CheckedClient:
    """The administrator, just signed in."""
    return client_of(admin)


@pytest.fixture
def changed(app: Flask, card_gateway: StripeGateway) -> Callable[..., None]:
    """A function that gives the application's Stripe other settings."""
    before = app.extensions["integrations"]

    def change(**values: object) -> None:
        app.extensions["settings"] = app.extensions["settings"].model_copy(update=values)
        gateways = {**before.gateways, "card": StripeGateway(app.extensions["settings"])}
        app.extensions["integrations"] = replace(before, gateways=gateways)

    return change


@pytest.mark.usefixtures("card_gateway")
def test_the_page_says_whose_key_it_is(owner: CheckedClient) -> None:
    sent = owner.post_form("/admin/settings/test/stripe", page="/admin/settings")
    assert sent.status_code == 303
    assert "#" not in sent.headers["Location"], "the answer stands at the top of the page"
    page = owner.get("/admin/settings").get_data(as_text=True)
    assert "Stripe knows the key: Stand-in School (acct_stand_in), test mode" in page


def test_without_a_key_it_says_what_to_set(owner: CheckedClient) -> None:
    told = owner.post(ADDRESS, json={}).get_json()
    assert told["works"] is False
    assert "STRIPE_SECRET_KEY" in told["said"]
    assert "http://localhost/api/webhooks/stripe" in told["remedy"]


def test_a_wrong_key_is_told_without_showing_it(
    owner: CheckedClient, changed: Callable[..., None]
) -> None:
    key = "sk_test_" + "0123456789abcdef"
    changed(stripe_secret_key=key)
    told = owner.post(ADDRESS, json={}).get_json()
    assert told["works"] is False
    assert "does not accept the key" in told["said"]
    assert key not in str(told)
    assert "Check STRIPE_SECRET_KEY" in told["remedy"]


def test_a_key_without_webhooks_is_half_a_payment(
    owner: CheckedClient, changed: Callable[..., None]
) -> None:
    changed(stripe_webhook_secret=())
    told = owner.post(ADDRESS, json={}).get_json()
    assert told["works"] is False
    assert "STRIPE_WEBHOOK_SECRET" in told["remedy"]


def test_trying_charges_nothing(
    owner: CheckedClient, card_gateway: StripeGateway, stripe_stand_in: StripeStandIn
) -> None:
    assert owner.post(ADDRESS, json={}).get_json()["works"] is True
    assert stripe_stand_in.requests() == {"account": 1}
