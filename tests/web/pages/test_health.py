"""Health for load balancers: what makes a process unfit, and what it serves on without."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.clock import shifted
from app.web.pages import health
from tests.support.client import CheckedClient
from tests.support.http import Visitor
from tests.support.server import LiveServer, free_port


def test_a_process_that_has_what_it_needs_is_ready(client: CheckedClient) -> None:
    answer = client.get("/api/health/ready")
    assert answer.status_code == 200
    assert answer.get_json() == {
        "status": "ok",
        "checks": dict.fromkeys(("database", "migrations", "storage", "clock", "disk"), "ok"),
    }


@pytest.mark.parametrize("minutes", [-1, 1], ids=["slow", "fast"])
def test_a_host_whose_clock_is_wrong_is_not_ready(client: CheckedClient, minutes: int) -> None:
    with shifted(timedelta(minutes=minutes)):
        answer = client.get("/api/health/ready")
    assert answer.status_code == 503
    assert answer.get_json()["checks"]["clock"] == "failed"
    assert answer.get_json()["checks"]["database"] == "ok"


def test_a_clock_some_seconds_off_is_put_up_with(client: CheckedClient) -> None:
    with shifted(timedelta(seconds=health.MAX_SKEW_SECONDS - 5)):
        assert client.get("/api/health/ready").status_code == 200


def test_a_disk_almost_full_stops_no_reading(
    client: CheckedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "MIN_FREE_BYTES", 1 << 60)
    answer = client.get("/api/health/ready")
    assert answer.status_code == 200
    assert answer.get_json()["status"] == "degraded"
    assert answer.get_json()["checks"]["disk"] == "failed"
    assert answer.get_json()["checks"]["storage"] == "ok"


def test_a_storage_that_cannot_be_written_is_not_ready(
    client: CheckedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.pages.health.os.access", lambda *_: False)
    answer = client.get("/api/health/ready")
    assert answer.status_code == 503
    assert answer.get_json()["checks"]["storage"] == "failed"


def test_a_redis_that_is_away_takes_no_process_out_of_service(
    serve: Callable[..., LiveServer],
) -> None:
    server = serve(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    answer = Visitor(server.url).get("/api/health/ready")
    assert answer.status == 200
    assert answer.json["status"] == "degraded"
    assert answer.json["checks"]["redis"] == "failed"
    assert answer.json["checks"]["database"] == "ok"
