"""The sign-up page: what is asked, what is kept, and that it tells nobody who has an account."""

from collections.abc import Callable

import pytest

from app.domain.accounts.models import Role, User
from app.domain.accounts.users import find_by_email
from tests import factories
from tests.factories import PASSWORD
from tests.support import html
from tests.support.client import CheckedClient

PATH = "/auth/sign-up"
NEW = {"name": "Nia New", "email": "nia@example.com", "password": PASSWORD}


def test_new_person_gets_an_account_and_may_sign_in(client: CheckedClient) -> None:
    response = client.post_form(PATH, NEW)
    assert (response.status_code, response.headers["Location"]) == (303, "/auth/sign-in")
    page = client.get("/auth/sign-in")
    assert "Your account is ready" in page.text
    assert html.parse(page.text).find("input", attrs={"name": "email"})["value"] == NEW["email"]
    signed_in = client.post_form("/auth/sign-in", {"email": NEW["email"], "password": PASSWORD})
    assert signed_in.status_code == 303
    user = find_by_email(NEW["email"])
    assert user is not None
    assert (user.name, user.role) == (NEW["name"], Role.LEARNER)


def test_known_and_new_addresses_are_answered_alike(client: CheckedClient) -> None:
    factories.make_user(email="known@example.com")
    answers = []
    for email in ("known@example.com", "fresh@example.com"):
        response = client.post_form(PATH, {**NEW, "email": email})
        page = client.get("/auth/sign-in").text
        shown = html.parse(page).main.get_text(" ", strip=True)
        answers.append((response.status_code, response.headers["Location"], response.text, shown))
    assert answers[0] == answers[1]


def test_where_the_person_was_going_is_remembered(client: CheckedClient) -> None:
    response = client.post_form(PATH, {**NEW, "next": "/courses"})
    assert response.headers["Location"] == "/auth/sign-in?next=/courses"
    response = client.post_form(PATH, {**NEW, "next": "//evil.example"})
    assert response.headers["Location"] == "/auth/sign-in"


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", " "), ("email", "nowhere"), ("password", "short"), ("password", "qwertyuiop123")],
)
def test_wrong_field_is_named_and_the_rest_is_kept(
    client: CheckedClient, field: str, value: str
) -> None:
    response = client.post_form(PATH, {**NEW, field: value})
    assert response.status_code == 422
    page = html.parse(response.text)
    wrong = [tag["name"] for tag in page.find_all("input", attrs={"aria-invalid": "true"})]
    assert wrong == [field]
    for kept in {"name", "email"} - {field}:
        assert page.find("input", attrs={"name": kept})["value"] == NEW[kept]
    assert not page.find("input", attrs={"name": "password"}).get("value")
    assert find_by_email(NEW["email"]) is None


def test_role_cannot_be_chosen(client: CheckedClient) -> None:
    client.post_form(PATH, {**NEW, "role": "admin", "status": "active"})
    user = find_by_email(NEW["email"])
    assert user is not None
    assert user.role is Role.LEARNER


def test_form_without_its_token_makes_no_account(client: CheckedClient) -> None:
    assert client.post(PATH, data=NEW).status_code == 400
    assert find_by_email(NEW["email"]) is None


def test_who_is_signed_in_already_is_sent_on(
    client_of: Callable[[User], CheckedClient], learner: User
) -> None:
    response = client_of(learner).get(PATH)
    assert (response.status_code, response.headers["Location"]) == (303, "/dashboard")
