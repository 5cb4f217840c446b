"""Threat 20: after signing in a person lands on this site, whatever the address asked for."""

from collections.abc import Callable

import pytest

from app.domain.accounts.models import User
from tests import factories
from tests.support.client import CheckedClient

ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "/\t/evil.example/",
    "/\n/evil.example/",
    "javascript:alert(1)",
    "http:/evil.example/",
    "https:evil.example",
    "evil.example",
    " //evil.example",
    "/%0d%0aLocation:%20https://evil.example//",
]


def _is_here(location: str) -> bool:
    return location.startswith("/") and not location.startswith(("//", "/\\"))


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_signing_in_never_leads_elsewhere(client: CheckedClient, wanted: str) -> None:
    user = factories.make_user(password=factories.PASSWORD)
    data = {"email": user.email, "password": factories.PASSWORD, "next": wanted}
    response = client.post_form("/auth/sign-in", data)
    assert response.status_code == 303
    assert _is_here(response.headers["Location"])


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_who_is_signed_in_already_is_not_led_elsewhere(
    client_of: Callable[[User], CheckedClient], learner: User, wanted: str
) -> None:
    response = client_of(learner).get("/auth/sign-in", query_string={"next": wanted})
    assert response.status_code == 303
    assert _is_here(response.headers["Location"])


def test_signing_in_leads_back_to_the_page_that_asked(client: CheckedClient) -> None:
    user = factories.make_user(password=factories.PASSWORD)
    asked = client.get("/dashboard?tab=done")
    assert asked.status_code == 303
    page = client.get(asked.headers["Location"])
    assert 'value="/dashboard?tab=done"' in page.text
    data = {"email": user.email, "password": factories.PASSWORD, "next": "/dashboard?tab=done"}
    assert client.post_form("/auth/sign-in", data).headers["Location"] == "/dashboard?tab=done"
