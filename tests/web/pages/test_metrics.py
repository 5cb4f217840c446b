"""Who reads the figures, and that those of all web workers are in them."""

from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.domain.accounts.models import Role
from tests import factories
from tests.support.client import CheckedClient, sign_in
from tests.support.http import Visitor
from tests.support.server import LiveServer, wait_until

TOKEN = "sesame-4711-sesame-4711-sesame"


def figures(text: str, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    """Return the figures of one name by their labels."""
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def test_an_administrator_reads_the_figures(client: CheckedClient) -> None:
    sign_in(client, factories.make_user(Role.ADMIN))
    client.get("/courses")
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content_type.startswith("text/plain")
    asked = figures(answer.text, "triple_http_requests_total")
    assert asked[("endpoint", "courses.index"), ("method", "GET"), ("status", "200")] >= 1


@pytest.mark.parametrize("shown", ["", "Bearer ", "Bearer wrong", f"Basic {TOKEN}"])
def test_there_is_nothing_to_see_without_the_token(client: CheckedClient, shown: str) -> None:
    headers = {"Authorization": shown} if shown else {}
    assert client.get("/metrics", headers=headers).status_code == 404


def test_an_empty_token_opens_nothing(client: CheckedClient) -> None:
    """The application under test has none, which an empty one must not equal."""
    assert client.get("/metrics", headers={"Authorization": "Bearer"}).status_code == 404


@pytest.mark.parametrize("role", [Role.LEARNER, Role.INSTRUCTOR, Role.SUPPORT])
def test_others_who_are_signed_in_see_nothing(client: CheckedClient, role: Role) -> None:
    sign_in(client, factories.make_user(role))
    assert client.get("/metrics").status_code == 404


def test_any_worker_tells_the_figures_of_all(serve: Callable[..., LiveServer]) -> None:
    server = serve(METRICS_TOKEN=TOKEN, WEB_WORKERS="2")
    asked = 40
    for _ in range(asked):
        assert Visitor(server.url).get("/courses").status == 200
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    key = (("endpoint", "courses.index"), ("method", "GET"), ("status", "200"))

    def counted() -> float:
        told = Visitor(server.url).get("/metrics", headers=bearer).text
        return figures(told, "triple_http_requests_total").get(key, 0.0)

    wait_until(lambda: counted() == asked, 60, "each worker has added up what it answered")
    assert [counted() for _ in range(6)] == [asked] * 6
