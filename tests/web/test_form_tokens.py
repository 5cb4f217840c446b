"""Form tokens of people who are signed in: theirs alone, for some hours, without a cookie."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.clock import shifted
from app.domain.accounts.models import Role, User
from app.domain.courses.models import Course
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient, sign_in, sign_out

ClientOf = Callable[[User], CheckedClient]
PATH = "/auth/sign-out"


def _token(client: CheckedClient, page: str = "/dashboard") -> str:
    return html.csrf_token(client.get(page).text)


@pytest.mark.parametrize("page", ["/dashboard", "/courses", "/courses/{slug}"])
def test_no_cookie_remembers_the_token(
    client_of: ClientOf, learner: User, course: Course, page: str
) -> None:
    client = client_of(learner)
    token = _token(client, page.format(slug=course.slug))
    assert client.get_cookie("form") is None
    assert client.post(PATH, data={"csrf_token": token}).status_code == 303


def test_a_header_may_carry_it(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    headers = {"X-CSRFToken": _token(client)}
    assert client.post(PATH, headers=headers).status_code == 303


@pytest.mark.parametrize("spoil", [
    lambda token: "",
    lambda token: token[:-1],
    lambda token: token[:-1] + ("0" if token[-1] != "0" else "1"),
    lambda token: f"f{token}",
    lambda token: token.upper(),
    lambda token: token.replace("-", "é"),
])  # fmt: skip
def test_any_other_is_refused(
    client_of: ClientOf, learner: User, spoil: Callable[[str], str]
) -> None:
    client = client_of(learner)
    answer = client.post(PATH, data={"csrf_token": spoil(_token(client))})
    assert answer.status_code == 400


def test_somebody_elses_is_refused(client_of: ClientOf, learner: User, outsider: User) -> None:
    client, other = client_of(learner), client_of(outsider)
    assert client.post(PATH, data={"csrf_token": _token(other)}).status_code == 400


def test_that_of_another_sign_in_is_refused(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    token = _token(client)
    sign_in(client, learner)
    assert client.post(PATH, data={"csrf_token": token}).status_code == 400
    sign_out(client)
    assert client.post(PATH, data={"csrf_token": token}).status_code == 400


def test_whose_sign_in_was_ended_elsewhere_is_to_sign_in_again(
    client_of: ClientOf, learner: User
) -> None:
    client, device = client_of(learner), client_of(learner)
    token = _token(client)
    ends = {"csrf_token": _token(device)}
    assert device.post("/account/sessions/end-others", data=ends).status_code == 303
    answer = client.post("/account/sessions/end-others", data={"csrf_token": token})
    assert answer.status_code == 303
    assert "/auth/sign-in" in answer.headers["Location"]


@pytest.mark.parametrize(("age", "status"), [(11, 303), (13, 400)])
def test_it_is_good_for_half_a_day(
    client_of: ClientOf, learner: User, age: int, status: int
) -> None:
    client = client_of(learner)
    token = _token(client)
    with shifted(timedelta(hours=age)):
        assert client.post(PATH, data={"csrf_token": token}).status_code == status


def test_a_form_that_looks_at_its_token_again_takes_it(client_of: ClientOf, admin: User) -> None:
    client = client_of(admin)
    learner = factories.make_user(Role.LEARNER)
    token = _token(client)
    data = {"csrf_token": token, "reason": "A question of theirs."}
    path = f"/admin/users/{learner.id}/suspend"
    assert client.post(path, data=data).status_code == 303


@pytest.mark.parametrize(("referrer", "status"), [
    ("https://localhost/dashboard", 303),
    ("https://elsewhere.example/", 400),
    ("http://localhost/dashboard", 400),
    (None, 400),
])  # fmt: skip
def test_over_https_it_comes_from_a_page_of_ours(
    client_of: ClientOf, learner: User, referrer: str | None, status: int
) -> None:
    client = client_of(learner)
    token = _token(client)
    headers = {"Referer": referrer} if referrer else {}
    answer = client.post(
        PATH, base_url="https://localhost", data={"csrf_token": token}, headers=headers
    )
    assert answer.status_code == status
