"""Deep health: how everyone stands that the house depends on, to staff and monitoring alone."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import text

from app.database import db
from app.domain.accounts.models import Role, User
from app.errors import GatewayUnavailable, MailFailed
from app.integrations.probes import Probes, State, Told
from tests import factories
from tests.support.client import CheckedClient
from tests.support.http import Visitor
from tests.support.server import LiveServer, free_port

PATH = "/api/health/deep"
ClientOf = Callable[[User], CheckedClient]


@pytest.fixture
def nobody_asked(app: Flask) -> Iterator[None]:
    """Deep health as in a process that nobody has asked yet."""
    app.extensions.pop("deep_health", None)
    yield
    app.extensions.pop("deep_health", None)


def _alive_worker() -> None:
    db.session.execute(text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())"))


@pytest.mark.parametrize("role", [Role.ADMIN, Role.SUPPORT])
@pytest.mark.usefixtures("nobody_asked")
def test_staff_is_told_how_everyone_stands(client_of: ClientOf, role: Role) -> None:
    _alive_worker()
    answer = client_of(factories.make_user(role)).get(PATH)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    told = answer.get_json()
    assert told["status"] == "ok"
    states = {name: check["state"] for name, check in told["checks"].items()}
    off = dict.fromkeys(("storage", "cdn", "stripe", "mail", "sentry", "redis"), "off")
    assert states == off | {"worker": "ok"}


@pytest.mark.parametrize("role", [Role.LEARNER, Role.INSTRUCTOR])
def test_to_others_there_is_nothing_here(client_of: ClientOf, role: Role) -> None:
    assert client_of(factories.make_user(role)).get(PATH).status_code == 404


def test_monitoring_shows_a_token(client: CheckedClient, app: Flask) -> None:
    assert client.get(PATH).status_code == 404
    token = {"Authorization": "Bearer a-token-for-monitoring"}
    assert client.get(PATH, headers=token).status_code == 404
    before = app.extensions["settings"]
    app.extensions["settings"] = before.model_copy(
        update={"metrics_token": "a-token-for-monitoring"}
    )
    try:
        assert client.get(PATH, headers=token).status_code == 200
        wrong = {"Authorization": "Bearer a-token-for-somebody"}
        assert client.get(PATH, headers=wrong).status_code == 404
    finally:
        app.extensions["settings"] = before


@pytest.mark.usefixtures("nobody_asked")
def test_a_house_without_a_worker_is_degraded(client_of: ClientOf, admin: User) -> None:
    told = client_of(admin).get(PATH).get_json()
    assert told["status"] == "degraded"
    assert told["checks"]["worker"]["detail"] == "no worker runs"


@pytest.mark.usefixtures("nobody_asked")
def test_a_worker_without_a_sign_of_life_has_failed(client_of: ClientOf, admin: User) -> None:
    db.session.execute(
        text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '2 min')")
    )
    told = client_of(admin).get(PATH).get_json()
    assert told["checks"]["worker"]["state"] == "failed"


def test_vendors_that_are_away_are_named(serve: Callable[..., LiveServer]) -> None:
    """Real clients against ports where nobody is."""
    port = free_port()
    server = serve(
        METRICS_TOKEN="a-token-for-monitoring",
        REDIS_URL=f"redis://:canary-redis-password@127.0.0.1:{port}/0",
        SMTP_URL=f"smtp://127.0.0.1:{port}?tls=off",
        MAIL_FROM="courses@example.com",
        SENTRY_DSN=f"http://canary-sentry-key@127.0.0.1:{port}/1",
        STORAGE="s3",
        S3_BUCKET_NAME="media",
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
        AWS_ACCESS_KEY_ID="canary-access-key",
        AWS_SECRET_ACCESS_KEY="canary-secret-key",
    )
    token = {"Authorization": "Bearer a-token-for-monitoring"}
    answer = Visitor(server.url).get(PATH, headers=token)
    assert answer.status == 200
    states = {name: check["state"] for name, check in answer.json["checks"].items()}
    assert [name for name, state in states.items() if state == "failed"] == [
        *("storage", "mail", "sentry", "redis", "worker")
    ]
    assert (states["cdn"], states["stripe"]) == ("off", "off")
    assert "canary" not in answer.text


def test_the_stand_in_of_stripe_is_asked(
    card_gateway: object, client_of: ClientOf, admin: User, app: Flask
) -> None:
    app.extensions.pop("deep_health", None)
    try:
        assert client_of(admin).get(PATH).get_json()["checks"]["stripe"]["state"] == "ok"
    finally:
        app.extensions.pop("deep_health", None)


@pytest.mark.no_database
def test_probes_are_asked_side_by_side_and_what_hangs_holds_nobody_up() -> None:
    released = threading.Event()
    together = threading.Barrier(2, timeout=60)
    probes = Probes(
        {"one": together.wait, "other": together.wait, "hangs": released.wait, "not": None},
        limit_seconds=1.0,
    )
    told = probes.ask()
    released.set()
    assert told["one"].state is told["other"].state is State.OK
    assert told["hangs"].state is State.FAILED
    assert told["hangs"].detail == "no answer in time"
    assert told["not"] == Told(State.OFF)


@pytest.mark.no_database
def test_what_hangs_is_not_asked_again_before_it_answered() -> None:
    released, asked = threading.Event(), []

    def hang() -> None:
        asked.append(1)
        released.wait(60)

    probes = Probes({"hangs": hang}, limit_seconds=0.2, kept_seconds=0.0)
    for _ in range(3):
        assert probes.ask()["hangs"].state is State.FAILED
    assert len(asked) == 1
    released.set()
    until = time.monotonic() + 30
    while probes.ask()["hangs"].state is not State.OK:
        assert time.monotonic() < until


@pytest.mark.no_database
def test_answers_are_kept_for_a_while() -> None:
    asked: list[int] = []
    probes = Probes({"one": lambda: asked.append(1)}, limit_seconds=30.0, kept_seconds=600.0)
    assert probes.ask() == probes.ask()
    assert len(asked) == 1


@pytest.mark.no_database
@pytest.mark.parametrize(
    "error",
    [
        MailFailed("no such user lea.secret@example.com"),
        GatewayUnavailable(),
        OSError(111, "refused by postgres://a:canary@host"),
        RuntimeError("canary"),
    ],
    ids=["mail", "gateway", "network", "unknown"],
)
def test_what_a_vendor_says_is_told_without_its_secrets(error: Exception) -> None:
    def fail() -> None:
        raise error

    told = Probes({"one": fail}, limit_seconds=30.0).ask()["one"]
    assert told.state is State.FAILED
    assert told.detail
    assert "canary" not in told.detail
    assert "lea.secret" not in told.detail
    assert replace(told, milliseconds=0) == Told(State.FAILED, 0, told.detail)
