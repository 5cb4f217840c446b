"""The log serves the house, never the other way round."""

import logging
import re
import sys
from collections.abc import Callable, Iterator

import pytest
import structlog

from app import observability
from app.config import load_settings
from app.domain.accounts.models import User
from app.observability import configure_logging, sql_use
from tests.support.client import CheckedClient


class Gone:
    """A pipe whose reader has died."""

    def write(self, text: str) -> int:
        """Refuse."""
        raise BrokenPipeError(32, f"nobody takes {len(text)} characters")

    def flush(self) -> None:
        """Refuse."""
        raise BrokenPipeError(32, "nobody is there")


@pytest.fixture
def nobody_reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Logging set up on a stderr that refuses, and set up as before afterwards."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers, root.level
    monkeypatch.setattr(sys, "stderr", Gone())
    configure_logging(load_settings({"DATABASE_URL": "postgresql://unused"}))
    yield
    structlog.configure(**before)
    root.handlers = handlers
    root.setLevel(level)


@pytest.mark.no_database
@pytest.mark.usefixtures("nobody_reads")
def test_a_log_that_nobody_reads_costs_no_answer() -> None:
    """The workers of a killed master serve on, and their stderr is a pipe without an end."""
    structlog.get_logger().error("request", status=200)


def test_a_request_says_how_many_statements_it_took_and_how_long(
    client: CheckedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = structlog.testing.CapturingLogger()
    monkeypatch.setattr(observability, "log", told)
    client.get("/courses")
    ((_, _, line),) = told.calls
    assert line["sql_count"] > 0
    assert 0 < line["sql_ms"] < line["duration_ms"]


def test_a_request_counts_its_own_statements_only(client: CheckedClient) -> None:
    counts = []
    for _ in range(2):
        client.get("/api/auth/me")
        counts.append(sql_use.count)
    assert counts[0] == counts[1]


def test_staff_alone_is_told_where_the_time_goes(
    client: CheckedClient, client_of: Callable[[User], CheckedClient], admin: User, learner: User
) -> None:
    told = client_of(admin).get("/admin").headers["Server-Timing"]
    assert re.fullmatch(r'total;dur=[\d.]+, db;dur=[\d.]+;desc="[1-9]\d* statements"', told)
    assert "Server-Timing" not in client_of(learner).get("/dashboard").headers
    assert "Server-Timing" not in client.get("/").headers
